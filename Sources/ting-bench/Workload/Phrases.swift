// SPDX-License-Identifier: Apache-2.0

/// Text as planners write it, in three languages, put together from a seed.
enum Phrases {
    enum Language: CaseIterable { case danish, english, chinese }

    static func title(_ language: Language, _ generator: inout some RandomNumberGenerator)
        -> String
    {
        let parts = table(language)
        let glue = language == .chinese ? "" : " "
        return [
            pick(parts.acts, &generator), pick(parts.things, &generator),
            pick(parts.places, &generator),
        ].joined(separator: glue)
    }

    static func sentences(
        _ language: Language, _ count: Int, _ generator: inout some RandomNumberGenerator
    ) -> String {
        let stop = language == .chinese ? "。" : ". "
        return (0..<count).map { _ in title(language, &generator) + stop }.joined()
    }

    static func pick<T>(_ choices: [T], _ generator: inout some RandomNumberGenerator) -> T {
        choices[Int.random(in: choices.indices, using: &generator)]
    }

    private static func table(_ language: Language)
        -> (acts: [String], things: [String], places: [String])
    {
        switch language {
        case .danish: (danishActs, danishThings, danishPlaces)
        case .english: (englishActs, englishThings, englishPlaces)
        case .chinese: (chineseActs, chineseThings, chinesePlaces)
        }
    }

    private static let danishActs = [
        "Forbered mødet om", "Gennemgå udkastet til", "Aftal tidsplan for", "Oversæt notatet om",
        "Få godkendt budgettet for", "Besøg anlægget for", "Følg op på", "Afklar ansvaret for",
        "Send kommentarer til", "Indsaml data om",
    ]
    private static let danishThings = [
        "fjernvarme og varmepumper", "havvind og nettilslutning", "grundvandsbeskyttelse",
        "affaldssortering i byerne", "ældrepleje og velfærdsteknologi", "fødevaresikkerhed",
        "energieffektivitet i industrien", "bæredygtigt byggeri", "forskeruddannelse",
        "grøn skibsfart",
    ]
    private static let danishPlaces = [
        "i København", "i Region Midtjylland", "i Ærø Kommune", "med ambassaden i Beijing",
        "hos Energistyrelsen", "i Sønderborg", "sammen med DTU", "i Aarhus",
    ]
    private static let englishActs = [
        "Prepare the meeting on", "Review the draft of", "Agree the schedule for",
        "Translate the note on", "Get the budget approved for", "Visit the site of",
        "Follow up on", "Settle who is responsible for", "Comment on", "Collect data about",
    ]
    private static let englishThings = [
        "district heating and heat pumps", "offshore wind and grid connection",
        "groundwater protection", "waste sorting in cities", "care of the elderly",
        "food safety", "energy efficiency in industry", "sustainable building",
        "training of researchers", "green shipping",
    ]
    private static let englishPlaces = [
        "in Jiangsu", "with the embassy", "at the joint working group", "in Wuxi",
        "for the steering committee", "in Shandong", "with partners", "before the visit",
    ]
    private static let chineseActs = [
        "筹备", "审阅", "商定", "翻译", "批准", "考察", "跟进", "明确", "评议", "收集",
    ]
    private static let chineseThings = [
        "区域供热与热泵", "海上风电并网", "地下水保护", "城市垃圾分类", "养老服务", "食品安全",
        "工业能效", "可持续建筑", "科研人员培训", "绿色航运",
    ]
    private static let chinesePlaces = [
        "合作项目(江苏省)", "工作组会议", "联合方案", "(无锡市)", "指导委员会", "(山东省)", "合作伙伴", "访问日程",
    ]
}
