// SPDX-License-Identifier: Apache-2.0
// Made by Protocol/schema/embed.py.
// swift-format-ignore-file

let danishDivisionTable = ###"""
code	kind	name_en	name_da	name_zh	parent	dk_code
DK-81	region	North Denmark Region	Region Nordjylland	北日德兰大区	DK	1081
DK-82	region	Central Denmark Region	Region Midtjylland	中日德兰大区	DK	1082
DK-83	region	Region of Southern Denmark	Region Syddanmark	南丹麦大区	DK	1083
DK-84	region	Capital Region of Denmark	Region Hovedstaden	首都大区	DK	1084
DK-85	region	Region Zealand	Region Sjælland	西兰大区	DK	1085
0101	municipality	Copenhagen	København	哥本哈根	DK-84	0101
0147	municipality		Frederiksberg		DK-84	0147
0151	municipality		Ballerup		DK-84	0151
0153	municipality		Brøndby		DK-84	0153
0155	municipality		Dragør		DK-84	0155
0157	municipality		Gentofte		DK-84	0157
0159	municipality		Gladsaxe		DK-84	0159
0161	municipality		Glostrup		DK-84	0161
0163	municipality		Herlev		DK-84	0163
0165	municipality		Albertslund		DK-84	0165
0167	municipality		Hvidovre		DK-84	0167
0169	municipality		Høje-Taastrup		DK-84	0169
0173	municipality		Lyngby-Taarbæk		DK-84	0173
0175	municipality		Rødovre		DK-84	0175
0183	municipality		Ishøj		DK-84	0183
0185	municipality		Tårnby		DK-84	0185
0187	municipality		Vallensbæk		DK-84	0187
0190	municipality		Furesø		DK-84	0190
0201	municipality		Allerød		DK-84	0201
0210	municipality		Fredensborg		DK-84	0210
0217	municipality	Elsinore	Helsingør	赫尔辛格	DK-84	0217
0219	municipality		Hillerød		DK-84	0219
0223	municipality		Hørsholm		DK-84	0223
0230	municipality		Rudersdal		DK-84	0230
0240	municipality		Egedal		DK-84	0240
0250	municipality		Frederikssund		DK-84	0250
0253	municipality		Greve		DK-85	0253
0259	municipality		Køge		DK-85	0259
0260	municipality		Halsnæs		DK-84	0260
0265	municipality	Roskilde	Roskilde	罗斯基勒	DK-85	0265
0269	municipality		Solrød		DK-85	0269
0270	municipality		Gribskov		DK-84	0270
0306	municipality		Odsherred		DK-85	0306
0316	municipality	Holbaek	Holbæk	霍尔拜克	DK-85	0316
0320	municipality		Faxe		DK-85	0320
0326	municipality		Kalundborg		DK-85	0326
0329	municipality		Ringsted		DK-85	0329
0330	municipality	Slagelse	Slagelse	斯劳厄尔瑟	DK-85	0330
0336	municipality		Stevns		DK-85	0336
0340	municipality		Sorø		DK-85	0340
0350	municipality		Lejre		DK-85	0350
0360	municipality		Lolland		DK-85	0360
0370	municipality		Næstved		DK-85	0370
0376	municipality		Guldborgsund		DK-85	0376
0390	municipality		Vordingborg		DK-85	0390
0400	municipality		Bornholm		DK-84	0400
0410	municipality		Middelfart		DK-83	0410
0420	municipality		Assens		DK-83	0420
0430	municipality		Faaborg-Midtfyn		DK-83	0430
0440	municipality		Kerteminde		DK-83	0440
0450	municipality		Nyborg		DK-83	0450
0461	municipality	Odense	Odense	欧登塞	DK-83	0461
0479	municipality		Svendborg		DK-83	0479
0480	municipality		Nordfyns		DK-83	0480
0482	municipality		Langeland		DK-83	0482
0492	municipality		Ærø		DK-83	0492
0510	municipality		Haderslev		DK-83	0510
0530	municipality		Billund		DK-83	0530
0540	municipality	Sonderborg	Sønderborg	森讷堡	DK-83	0540
0550	municipality		Tønder		DK-83	0550
0561	municipality	Esbjerg	Esbjerg	埃斯比约	DK-83	0561
0563	municipality		Fanø		DK-83	0563
0573	municipality		Varde		DK-83	0573
0575	municipality		Vejen		DK-83	0575
0580	municipality		Aabenraa		DK-83	0580
0607	municipality		Fredericia		DK-83	0607
0615	municipality	Horsens	Horsens	霍森斯	DK-82	0615
0621	municipality		Kolding		DK-83	0621
0630	municipality		Vejle		DK-83	0630
0657	municipality		Herning		DK-82	0657
0661	municipality		Holstebro		DK-82	0661
0665	municipality		Lemvig		DK-82	0665
0671	municipality		Struer		DK-82	0671
0706	municipality		Syddjurs		DK-82	0706
0707	municipality		Norddjurs		DK-82	0707
0710	municipality		Favrskov		DK-82	0710
0727	municipality		Odder		DK-82	0727
0730	municipality		Randers		DK-82	0730
0740	municipality		Silkeborg		DK-82	0740
0741	municipality		Samsø		DK-82	0741
0746	municipality		Skanderborg		DK-82	0746
0751	municipality	Aarhus	Aarhus	奥胡斯	DK-82	0751
0756	municipality		Ikast-Brande		DK-82	0756
0760	municipality		Ringkøbing-Skjern		DK-82	0760
0766	municipality		Hedensted		DK-82	0766
0773	municipality		Morsø		DK-81	0773
0779	municipality		Skive		DK-82	0779
0787	municipality		Thisted		DK-81	0787
0791	municipality	Viborg	Viborg	维堡	DK-82	0791
0810	municipality		Brønderslev		DK-81	0810
0813	municipality		Frederikshavn		DK-81	0813
0820	municipality		Vesthimmerlands		DK-81	0820
0825	municipality		Læsø		DK-81	0825
0840	municipality		Rebild		DK-81	0840
0846	municipality		Mariagerfjord		DK-81	0846
0849	municipality		Jammerbugt		DK-81	0849
0851	municipality	Aalborg	Aalborg	奥尔堡	DK-81	0851
0860	municipality		Hjørring		DK-81	0860
"""###
