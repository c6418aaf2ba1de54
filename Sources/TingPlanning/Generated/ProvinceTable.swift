// SPDX-License-Identifier: Apache-2.0
// Made by Protocol/schema/embed.py.
// swift-format-ignore-file

let provinceTable = ###"""
code_iso	code_gb	name_en	name_zh	name_da	kind	population_millions	parent	population_year	population_source
CN-BJ	110000	Beijing	北京市	Beijing	municipality	21.893	CN	2020	NBS 7th census, 2020-11-01
CN-TJ	120000	Tianjin	天津市	Tianjin	municipality	13.866	CN	2020	NBS 7th census, 2020-11-01
CN-HE	130000	Hebei	河北省	Hebei	province	74.610	CN	2020	NBS 7th census, 2020-11-01
CN-SX	140000	Shanxi	山西省	Shanxi	province	34.916	CN	2020	NBS 7th census, 2020-11-01
CN-NM	150000	Inner Mongolia	内蒙古自治区	Indre Mongoliet	autonomous region	24.049	CN	2020	NBS 7th census, 2020-11-01
CN-LN	210000	Liaoning	辽宁省	Liaoning	province	42.591	CN	2020	NBS 7th census, 2020-11-01
CN-JL	220000	Jilin	吉林省	Jilin	province	24.073	CN	2020	NBS 7th census, 2020-11-01
CN-HL	230000	Heilongjiang	黑龙江省	Heilongjiang	province	31.850	CN	2020	NBS 7th census, 2020-11-01
CN-SH	310000	Shanghai	上海市	Shanghai	municipality	24.871	CN	2020	NBS 7th census, 2020-11-01
CN-JS	320000	Jiangsu	江苏省	Jiangsu	province	84.748	CN	2020	NBS 7th census, 2020-11-01
CN-ZJ	330000	Zhejiang	浙江省	Zhejiang	province	64.568	CN	2020	NBS 7th census, 2020-11-01
CN-AH	340000	Anhui	安徽省	Anhui	province	61.027	CN	2020	NBS 7th census, 2020-11-01
CN-FJ	350000	Fujian	福建省	Fujian	province	41.540	CN	2020	NBS 7th census, 2020-11-01
CN-JX	360000	Jiangxi	江西省	Jiangxi	province	45.189	CN	2020	NBS 7th census, 2020-11-01
CN-SD	370000	Shandong	山东省	Shandong	province	101.527	CN	2020	NBS 7th census, 2020-11-01
CN-HA	410000	Henan	河南省	Henan	province	99.366	CN	2020	NBS 7th census, 2020-11-01
CN-HB	420000	Hubei	湖北省	Hubei	province	57.753	CN	2020	NBS 7th census, 2020-11-01
CN-HN	430000	Hunan	湖南省	Hunan	province	66.445	CN	2020	NBS 7th census, 2020-11-01
CN-GD	440000	Guangdong	广东省	Guangdong	province	126.013	CN	2020	NBS 7th census, 2020-11-01
CN-GX	450000	Guangxi	广西壮族自治区	Guangxi	autonomous region	50.127	CN	2020	NBS 7th census, 2020-11-01
CN-HI	460000	Hainan	海南省	Hainan	province	10.081	CN	2020	NBS 7th census, 2020-11-01
CN-CQ	500000	Chongqing	重庆市	Chongqing	municipality	32.054	CN	2020	NBS 7th census, 2020-11-01
CN-SC	510000	Sichuan	四川省	Sichuan	province	83.675	CN	2020	NBS 7th census, 2020-11-01
CN-GZ	520000	Guizhou	贵州省	Guizhou	province	38.562	CN	2020	NBS 7th census, 2020-11-01
CN-YN	530000	Yunnan	云南省	Yunnan	province	47.209	CN	2020	NBS 7th census, 2020-11-01
CN-XZ	540000	Tibet (Xizang)	西藏自治区	Tibet	autonomous region	3.648	CN	2020	NBS 7th census, 2020-11-01
CN-SN	610000	Shaanxi	陕西省	Shaanxi	province	39.529	CN	2020	NBS 7th census, 2020-11-01
CN-GS	620000	Gansu	甘肃省	Gansu	province	25.020	CN	2020	NBS 7th census, 2020-11-01
CN-QH	630000	Qinghai	青海省	Qinghai	province	5.924	CN	2020	NBS 7th census, 2020-11-01
CN-NX	640000	Ningxia	宁夏回族自治区	Ningxia	autonomous region	7.203	CN	2020	NBS 7th census, 2020-11-01
CN-XJ	650000	Xinjiang	新疆维吾尔自治区	Xinjiang	autonomous region	25.852	CN	2020	NBS 7th census, 2020-11-01
CN-TW	710000	Taiwan	台湾省	Taiwan	province		CN		
CN-HK	810000	Hong Kong	香港特别行政区	Hongkong	SAR	7.474	CN	2020	printed with the 2020 census results; not checked against the SAR
CN-MO	820000	Macao	澳门特别行政区	Macao	SAR	0.683	CN	2020	printed with the 2020 census results; not checked against the SAR
"""###
