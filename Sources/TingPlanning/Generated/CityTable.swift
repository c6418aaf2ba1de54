// SPDX-License-Identifier: Apache-2.0
// Made by Protocol/schema/embed.py.
// swift-format-ignore-file

let cityTable = ###"""
code_gb	name_zh	name_en	pinyin	province_iso	kind	longitude	latitude
130100	石家庄市	Shijiazhuang	Shijiazhuang	CN-HE	prefecture-level city	114.5148	38.0422
130200	唐山市	Tangshan	Tangshan	CN-HE	prefecture-level city	118.1802	39.6309
130300	秦皇岛市	Qinhuangdao	Qinhuangdao	CN-HE	prefecture-level city	119.5182	39.8887
130400	邯郸市	Handan	Handan	CN-HE	prefecture-level city	114.5390	36.6256
130500	邢台市	Xingtai	Xingtai	CN-HE	prefecture-level city	114.5047	37.0708
130600	保定市	Baoding	Baoding	CN-HE	prefecture-level city	115.4646	38.8744
130700	张家口市	Zhangjiakou	Zhangjiakou	CN-HE	prefecture-level city	114.8863	40.7685
130800	承德市	Chengde	Chengde	CN-HE	prefecture-level city	117.9627	40.9529
130900	沧州市	Cangzhou	Cangzhou	CN-HE	prefecture-level city	116.8388	38.3045
131000	廊坊市	Langfang	Langfang	CN-HE	prefecture-level city	116.6838	39.5380
131100	衡水市	Hengshui	Hengshui	CN-HE	prefecture-level city	115.6702	37.7389
140100	太原市	Taiyuan	Taiyuan	CN-SX	prefecture-level city	112.5489	37.8706
140200	大同市	Datong	Datong	CN-SX	prefecture-level city	113.3001	40.0768
140300	阳泉市	Yangquan	Yangquan	CN-SX	prefecture-level city	113.5805	37.8570
140400	长治市	Changzhi	Changzhi	CN-SX	prefecture-level city	113.1164	36.1954
140500	晋城市	Jincheng	Jincheng	CN-SX	prefecture-level city	112.8515	35.4907
140600	朔州市	Shuozhou	Shuozhou	CN-SX	prefecture-level city	112.4330	39.3319
140700	晋中市	Jinzhong	Jinzhong	CN-SX	prefecture-level city	112.7527	37.6874
140800	运城市	Yuncheng	Yuncheng	CN-SX	prefecture-level city	111.0075	35.0265
140900	忻州市	Xinzhou	Xinzhou	CN-SX	prefecture-level city	112.7342	38.4167
141000	临汾市	Linfen	Linfen	CN-SX	prefecture-level city	111.5190	36.0880
141100	吕梁市	Lüliang	Lüliang	CN-SX	prefecture-level city	111.1447	37.5191
150100	呼和浩特市	Hohhot	Huhehaote	CN-NM	prefecture-level city	111.7500	40.8424
150200	包头市	Baotou	Baotou	CN-NM	prefecture-level city	109.9535	40.6212
150300	乌海市	Wuhai	Wuhai	CN-NM	prefecture-level city	106.7942	39.6552
150400	赤峰市	Chifeng	Chifeng	CN-NM	prefecture-level city	118.8869	42.2578
150500	通辽市	Tongliao	Tongliao	CN-NM	prefecture-level city	122.2434	43.6529
150600	鄂尔多斯市	Ordos	E'erduosi	CN-NM	prefecture-level city	109.7813	39.6083
150700	呼伦贝尔市	Hulunbuir	Hulunbei'er	CN-NM	prefecture-level city	119.7656	49.2116
150800	巴彦淖尔市	Bayannur	Bayannao'er	CN-NM	prefecture-level city	107.3877	40.7432
150900	乌兰察布市	Ulanqab	Wulanchabu	CN-NM	prefecture-level city	113.1326	40.9948
152200	兴安盟	Hinggan	Xing'an	CN-NM	league	122.0377	46.0825
152500	锡林郭勒盟	Xilingol	Xilinguolei	CN-NM	league	116.0482	43.9335
152900	阿拉善盟	Alxa	Alashan	CN-NM	league	105.7290	38.8519
210100	沈阳市	Shenyang	Shenyang	CN-LN	prefecture-level city	123.4650	41.6773
210200	大连市	Dalian	Dalian	CN-LN	prefecture-level city	121.6148	38.9141
210300	鞍山市	Anshan	Anshan	CN-LN	prefecture-level city	122.9943	41.1086
210400	抚顺市	Fushun	Fushun	CN-LN	prefecture-level city	123.9572	41.8809
210500	本溪市	Benxi	Benxi	CN-LN	prefecture-level city	123.6851	41.4870
210600	丹东市	Dandong	Dandong	CN-LN	prefecture-level city	124.3544	40.0008
210700	锦州市	Jinzhou	Jinzhou	CN-LN	prefecture-level city	121.1268	41.0957
210800	营口市	Yingkou	Yingkou	CN-LN	prefecture-level city	122.2195	40.6254
210900	阜新市	Fuxin	Fuxin	CN-LN	prefecture-level city	121.6703	42.0216
211000	辽阳市	Liaoyang	Liaoyang	CN-LN	prefecture-level city	123.2370	41.2678
211100	盘锦市	Panjin	Panjin	CN-LN	prefecture-level city	122.1706	40.7198
211200	铁岭市	Tieling	Tieling	CN-LN	prefecture-level city	123.7260	42.2238
211300	朝阳市	Chaoyang	Chaoyang	CN-LN	prefecture-level city	120.4509	41.5738
211400	葫芦岛市	Huludao	Huludao	CN-LN	prefecture-level city	120.8369	40.7110
220100	长春市	Changchun	Changchun	CN-JL	prefecture-level city	125.3235	43.8173
220200	吉林市	Jilin	Jilin	CN-JL	prefecture-level city	126.5496	43.8379
220300	四平市	Siping	Siping	CN-JL	prefecture-level city	124.3504	43.1664
220400	辽源市	Liaoyuan	Liaoyuan	CN-JL	prefecture-level city	125.1437	42.8878
220500	通化市	Tonghua	Tonghua	CN-JL	prefecture-level city	125.9397	41.7284
220600	白山市	Baishan	Baishan	CN-JL	prefecture-level city	126.4147	41.9440
220700	松原市	Songyuan	Songyuan	CN-JL	prefecture-level city	124.8250	45.1415
220800	白城市	Baicheng	Baicheng	CN-JL	prefecture-level city	122.8387	45.6199
222400	延边朝鲜族自治州	Yanbian		CN-JL	autonomous prefecture	129.4719	42.9094
230100	哈尔滨市	Harbin	Ha'erbin	CN-HL	prefecture-level city	126.5350	45.8038
230200	齐齐哈尔市	Qiqihar	Qiqiha'er	CN-HL	prefecture-level city	123.9182	47.3543
230300	鸡西市	Jixi	Jixi	CN-HL	prefecture-level city	130.9693	45.2951
230400	鹤岗市	Hegang	Hegang	CN-HL	prefecture-level city	130.2979	47.3502
230500	双鸭山市	Shuangyashan	Shuangyashan	CN-HL	prefecture-level city	131.1412	46.6764
230600	大庆市	Daqing	Daqing	CN-HL	prefecture-level city	125.1038	46.5893
230700	伊春市	Yichun	Yichun	CN-HL	prefecture-level city	128.8411	47.7275
230800	佳木斯市	Jiamusi	Jiamusi	CN-HL	prefecture-level city	130.3189	46.7998
230900	七台河市	Qitaihe	Qitaihe	CN-HL	prefecture-level city	131.0031	45.7714
231000	牡丹江市	Mudanjiang	Mudanjiang	CN-HL	prefecture-level city	129.6332	44.5517
231100	黑河市	Heihe	Heihe	CN-HL	prefecture-level city	127.5283	50.2451
231200	绥化市	Suihua	Suihua	CN-HL	prefecture-level city	126.9689	46.6538
232700	大兴安岭地区	Daxing'anling	Daxing'anling	CN-HL	prefecture	124.7115	52.3353
320100	南京市	Nanjing	Nanjing	CN-JS	prefecture-level city	118.7967	32.0596
320200	无锡市	Wuxi	Wuxi	CN-JS	prefecture-level city	120.3119	31.4912
320300	徐州市	Xuzhou	Xuzhou	CN-JS	prefecture-level city	117.2841	34.2058
320400	常州市	Changzhou	Changzhou	CN-JS	prefecture-level city	119.9741	31.8112
320500	苏州市	Suzhou	Suzhou	CN-JS	prefecture-level city	120.5857	31.2974
320600	南通市	Nantong	Nantong	CN-JS	prefecture-level city	120.8947	31.9811
320700	连云港市	Lianyungang	Lianyungang	CN-JS	prefecture-level city	119.2216	34.5967
320800	淮安市	Huai'an	Huai'an	CN-JS	prefecture-level city	119.1132	33.5511
320900	盐城市	Yancheng	Yancheng	CN-JS	prefecture-level city	120.1631	33.3477
321000	扬州市	Yangzhou	Yangzhou	CN-JS	prefecture-level city	119.4129	32.3942
321100	镇江市	Zhenjiang	Zhenjiang	CN-JS	prefecture-level city	119.4258	32.1878
321200	泰州市	Taizhou	Taizhou	CN-JS	prefecture-level city	119.9229	32.4555
321300	宿迁市	Suqian	Suqian	CN-JS	prefecture-level city	118.2752	33.9632
330100	杭州市	Hangzhou	Hangzhou	CN-ZJ	prefecture-level city	120.2098	30.2469
330200	宁波市	Ningbo	Ningbo	CN-ZJ	prefecture-level city	121.6225	29.8600
330300	温州市	Wenzhou	Wenzhou	CN-ZJ	prefecture-level city	120.6994	27.9938
330400	嘉兴市	Jiaxing	Jiaxing	CN-ZJ	prefecture-level city	120.7555	30.7462
330500	湖州市	Huzhou	Huzhou	CN-ZJ	prefecture-level city	120.0868	30.8944
330600	绍兴市	Shaoxing	Shaoxing	CN-ZJ	prefecture-level city	120.5804	30.0302
330700	金华市	Jinhua	Jinhua	CN-ZJ	prefecture-level city	119.6472	29.0792
330800	衢州市	Quzhou	Quzhou	CN-ZJ	prefecture-level city	118.8595	28.9701
330900	舟山市	Zhoushan	Zhoushan	CN-ZJ	prefecture-level city	122.2071	29.9856
331000	台州市	Taizhou	Taizhou	CN-ZJ	prefecture-level city	121.4208	28.6564
331100	丽水市	Lishui	Lishui	CN-ZJ	prefecture-level city	119.9228	28.4676
340100	合肥市	Hefei	Hefei	CN-AH	prefecture-level city	117.2272	31.8206
340200	芜湖市	Wuhu	Wuhu	CN-AH	prefecture-level city	118.4329	31.3529
340300	蚌埠市	Bengbu	Bengbu	CN-AH	prefecture-level city	117.3885	32.9166
340400	淮南市	Huainan	Huainan	CN-AH	prefecture-level city	117.0184	32.5871
340500	马鞍山市	Ma'anshan	Ma'anshan	CN-AH	prefecture-level city	118.5070	31.6704
340600	淮北市	Huaibei	Huaibei	CN-AH	prefecture-level city	116.7983	33.9558
340700	铜陵市	Tongling	Tongling	CN-AH	prefecture-level city	117.8115	30.9455
340800	安庆市	Anqing	Anqing	CN-AH	prefecture-level city	117.1151	30.5319
341000	黄山市	Huangshan	Huangshan	CN-AH	prefecture-level city	118.3383	29.7152
341100	滁州市	Chuzhou	Chuzhou	CN-AH	prefecture-level city	118.3279	32.2556
341200	阜阳市	Fuyang	Fuyang	CN-AH	prefecture-level city	115.8145	32.8905
341300	宿州市	Suzhou	Suzhou	CN-AH	prefecture-level city	116.9642	33.6473
341500	六安市	Lu'an	Lu'an	CN-AH	prefecture-level city	116.5201	31.7355
341600	亳州市	Bozhou	Bozhou	CN-AH	prefecture-level city	115.7787	33.8446
341700	池州市	Chizhou	Chizhou	CN-AH	prefecture-level city	117.4916	30.6648
341800	宣城市	Xuancheng	Xuancheng	CN-AH	prefecture-level city	118.7587	30.9402
350100	福州市	Fuzhou	Fuzhou	CN-FJ	prefecture-level city	119.2964	26.0743
350200	厦门市	Xiamen	Xiamen	CN-FJ	prefecture-level city	118.0892	24.4797
350300	莆田市	Putian	Putian	CN-FJ	prefecture-level city	119.0078	25.4541
350400	三明市	Sanming	Sanming	CN-FJ	prefecture-level city	117.6387	26.2634
350500	泉州市	Quanzhou	Quanzhou	CN-FJ	prefecture-level city	118.6757	24.8741
350600	漳州市	Zhangzhou	Zhangzhou	CN-FJ	prefecture-level city	117.6471	24.5130
350700	南平市	Nanping	Nanping	CN-FJ	prefecture-level city	118.1777	26.6418
350800	龙岩市	Longyan	Longyan	CN-FJ	prefecture-level city	117.0173	25.0751
350900	宁德市	Ningde	Ningde	CN-FJ	prefecture-level city	119.5479	26.6656
360100	南昌市	Nanchang	Nanchang	CN-JX	prefecture-level city	115.8582	28.6829
360200	景德镇市	Jingdezhen	Jingdezhen	CN-JX	prefecture-level city	117.1782	29.2689
360300	萍乡市	Pingxiang	Pingxiang	CN-JX	prefecture-level city	113.8871	27.6584
360400	九江市	Jiujiang	Jiujiang	CN-JX	prefecture-level city	115.9529	29.6621
360500	新余市	Xinyu	Xinyu	CN-JX	prefecture-level city	114.9173	27.8178
360600	鹰潭市	Yingtan	Yingtan	CN-JX	prefecture-level city	117.0422	28.2725
360700	赣州市	Ganzhou	Ganzhou	CN-JX	prefecture-level city	114.9335	25.8307
360800	吉安市	Ji'an	Ji'an	CN-JX	prefecture-level city	114.9666	27.0908
360900	宜春市	Yichun	Yichun	CN-JX	prefecture-level city	114.4168	27.8157
361000	抚州市	Fuzhou	Fuzhou	CN-JX	prefecture-level city	116.3582	27.9492
361100	上饶市	Shangrao	Shangrao	CN-JX	prefecture-level city	117.9434	28.4549
370100	济南市	Jinan	Jinan	CN-SD	prefecture-level city	117.1201	36.6512
370200	青岛市	Qingdao	Qingdao	CN-SD	prefecture-level city	120.3826	36.0671
370300	淄博市	Zibo	Zibo	CN-SD	prefecture-level city	118.0550	36.8135
370400	枣庄市	Zaozhuang	Zaozhuang	CN-SD	prefecture-level city	117.3237	34.8105
370500	东营市	Dongying	Dongying	CN-SD	prefecture-level city	118.6746	37.4340
370600	烟台市	Yantai	Yantai	CN-SD	prefecture-level city	121.4479	37.4645
370700	潍坊市	Weifang	Weifang	CN-SD	prefecture-level city	119.1617	36.7070
370800	济宁市	Jining	Jining	CN-SD	prefecture-level city	116.5873	35.4150
370900	泰安市	Tai'an	Tai'an	CN-SD	prefecture-level city	117.0876	36.2003
371000	威海市	Weihai	Weihai	CN-SD	prefecture-level city	122.1203	37.5134
371100	日照市	Rizhao	Rizhao	CN-SD	prefecture-level city	119.5269	35.4167
371300	临沂市	Linyi	Linyi	CN-SD	prefecture-level city	118.3564	35.1047
371400	德州市	Dezhou	Dezhou	CN-SD	prefecture-level city	116.3594	37.4367
371500	聊城市	Liaocheng	Liaocheng	CN-SD	prefecture-level city	115.9854	36.4567
371600	滨州市	Binzhou	Binzhou	CN-SD	prefecture-level city	117.9707	37.3820
371700	菏泽市	Heze	Heze	CN-SD	prefecture-level city	115.4807	35.2338
410100	郑州市	Zhengzhou	Zhengzhou	CN-HA	prefecture-level city	113.6253	34.7466
410200	开封市	Kaifeng	Kaifeng	CN-HA	prefecture-level city	114.3077	34.7980
410300	洛阳市	Luoyang	Luoyang	CN-HA	prefecture-level city	112.4539	34.6202
410400	平顶山市	Pingdingshan	Pingdingshan	CN-HA	prefecture-level city	113.1927	33.7662
410500	安阳市	Anyang	Anyang	CN-HA	prefecture-level city	114.3924	36.0976
410600	鹤壁市	Hebi	Hebi	CN-HA	prefecture-level city	114.2973	35.7483
410700	新乡市	Xinxiang	Xinxiang	CN-HA	prefecture-level city	113.9268	35.3037
410800	焦作市	Jiaozuo	Jiaozuo	CN-HA	prefecture-level city	113.2418	35.2159
410900	濮阳市	Puyang	Puyang	CN-HA	prefecture-level city	115.0292	35.7618
411000	许昌市	Xuchang	Xuchang	CN-HA	prefecture-level city	113.8525	34.0358
411100	漯河市	Luohe	Luohe	CN-HA	prefecture-level city	114.0165	33.5809
411200	三门峡市	Sanmenxia	Sanmenxia	CN-HA	prefecture-level city	111.2004	34.7728
411300	南阳市	Nanyang	Nanyang	CN-HA	prefecture-level city	112.5283	32.9907
411400	商丘市	Shangqiu	Shangqiu	CN-HA	prefecture-level city	115.6563	34.4150
411500	信阳市	Xinyang	Xinyang	CN-HA	prefecture-level city	114.0912	32.1477
411600	周口市	Zhoukou	Zhoukou	CN-HA	prefecture-level city	114.6970	33.6261
411700	驻马店市	Zhumadian	Zhumadian	CN-HA	prefecture-level city	114.0222	33.0129
420100	武汉市	Wuhan	Wuhan	CN-HB	prefecture-level city	114.3055	30.5932
420200	黄石市	Huangshi	Huangshi	CN-HB	prefecture-level city	115.0390	30.2010
420300	十堰市	Shiyan	Shiyan	CN-HB	prefecture-level city	110.7993	32.6295
420500	宜昌市	Yichang	Yichang	CN-HB	prefecture-level city	111.2864	30.6919
420600	襄阳市	Xiangyang	Xiangyang	CN-HB	prefecture-level city	112.1224	32.0090
420700	鄂州市	Ezhou	Ezhou	CN-HB	prefecture-level city	114.8949	30.3911
420800	荆门市	Jingmen	Jingmen	CN-HB	prefecture-level city	112.1994	31.0354
420900	孝感市	Xiaogan	Xiaogan	CN-HB	prefecture-level city	113.9570	30.9178
421000	荆州市	Jingzhou	Jingzhou	CN-HB	prefecture-level city	112.2397	30.3352
421100	黄冈市	Huanggang	Huanggang	CN-HB	prefecture-level city	114.8722	30.4537
421200	咸宁市	Xianning	Xianning	CN-HB	prefecture-level city	114.3226	29.8414
421300	随州市	Suizhou	Suizhou	CN-HB	prefecture-level city	113.3825	31.6902
422800	恩施土家族苗族自治州	Enshi		CN-HB	autonomous prefecture	109.4882	30.2722
430100	长沙市	Changsha	Changsha	CN-HN	prefecture-level city	112.9389	28.2281
430200	株洲市	Zhuzhou	Zhuzhou	CN-HN	prefecture-level city	113.1339	27.8280
430300	湘潭市	Xiangtan	Xiangtan	CN-HN	prefecture-level city	112.9440	27.8298
430400	衡阳市	Hengyang	Hengyang	CN-HN	prefecture-level city	112.5720	26.8934
430500	邵阳市	Shaoyang	Shaoyang	CN-HN	prefecture-level city	111.4677	27.2389
430600	岳阳市	Yueyang	Yueyang	CN-HN	prefecture-level city	113.1287	29.3568
430700	常德市	Changde	Changde	CN-HN	prefecture-level city	111.6988	29.0317
430800	张家界市	Zhangjiajie	Zhangjiajie	CN-HN	prefecture-level city	110.4791	29.1170
430900	益阳市	Yiyang	Yiyang	CN-HN	prefecture-level city	112.3551	28.5543
431000	郴州市	Chenzhou	Chenzhou	CN-HN	prefecture-level city	113.0150	25.7705
431100	永州市	Yongzhou	Yongzhou	CN-HN	prefecture-level city	111.6134	26.4196
431200	怀化市	Huaihua	Huaihua	CN-HN	prefecture-level city	110.0019	27.5695
431300	娄底市	Loudi	Loudi	CN-HN	prefecture-level city	111.9945	27.7003
433100	湘西土家族苗族自治州	Xiangxi		CN-HN	autonomous prefecture	109.7389	28.3119
440100	广州市	Guangzhou	Guangzhou	CN-GD	prefecture-level city	113.2644	23.1291
440200	韶关市	Shaoguan	Shaoguan	CN-GD	prefecture-level city	113.5976	24.8109
440300	深圳市	Shenzhen	Shenzhen	CN-GD	prefecture-level city	114.0579	22.5435
440400	珠海市	Zhuhai	Zhuhai	CN-GD	prefecture-level city	113.5767	22.2710
440500	汕头市	Shantou	Shantou	CN-GD	prefecture-level city	116.6820	23.3541
440600	佛山市	Foshan	Foshan	CN-GD	prefecture-level city	113.1214	23.0215
440700	江门市	Jiangmen	Jiangmen	CN-GD	prefecture-level city	113.0815	22.5790
440800	湛江市	Zhanjiang	Zhanjiang	CN-GD	prefecture-level city	110.3566	21.2701
440900	茂名市	Maoming	Maoming	CN-GD	prefecture-level city	110.9254	21.6630
441200	肇庆市	Zhaoqing	Zhaoqing	CN-GD	prefecture-level city	112.4651	23.0472
441300	惠州市	Huizhou	Huizhou	CN-GD	prefecture-level city	114.4156	23.1124
441400	梅州市	Meizhou	Meizhou	CN-GD	prefecture-level city	116.1225	24.2886
441500	汕尾市	Shanwei	Shanwei	CN-GD	prefecture-level city	115.3754	22.7871
441600	河源市	Heyuan	Heyuan	CN-GD	prefecture-level city	114.7010	23.7437
441700	阳江市	Yangjiang	Yangjiang	CN-GD	prefecture-level city	111.9826	21.8579
441800	清远市	Qingyuan	Qingyuan	CN-GD	prefecture-level city	113.0560	23.6818
441900	东莞市	Dongguan	Dongguan	CN-GD	prefecture-level city	113.7518	23.0207
442000	中山市	Zhongshan	Zhongshan	CN-GD	prefecture-level city	113.3928	22.5176
445100	潮州市	Chaozhou	Chaozhou	CN-GD	prefecture-level city	116.6224	23.6573
445200	揭阳市	Jieyang	Jieyang	CN-GD	prefecture-level city	116.3727	23.5497
445300	云浮市	Yunfu	Yunfu	CN-GD	prefecture-level city	112.0445	22.9151
450100	南宁市	Nanning	Nanning	CN-GX	prefecture-level city	108.3665	22.8170
450200	柳州市	Liuzhou	Liuzhou	CN-GX	prefecture-level city	109.4286	24.3263
450300	桂林市	Guilin	Guilin	CN-GX	prefecture-level city	110.1800	25.2345
450400	梧州市	Wuzhou	Wuzhou	CN-GX	prefecture-level city	111.2791	23.4770
450500	北海市	Beihai	Beihai	CN-GX	prefecture-level city	109.1202	21.4813
450600	防城港市	Fangchenggang	Fangchenggang	CN-GX	prefecture-level city	108.3538	21.6869
450700	钦州市	Qinzhou	Qinzhou	CN-GX	prefecture-level city	108.6541	21.9799
450800	贵港市	Guigang	Guigang	CN-GX	prefecture-level city	109.5989	23.1115
450900	玉林市	Yulin	Yulin	CN-GX	prefecture-level city	110.1812	22.6540
451000	百色市	Baise	Baise	CN-GX	prefecture-level city	106.6182	23.9023
451100	贺州市	Hezhou	Hezhou	CN-GX	prefecture-level city	111.5669	24.4035
451200	河池市	Hechi	Hechi	CN-GX	prefecture-level city	108.0853	24.6929
451300	来宾市	Laibin	Laibin	CN-GX	prefecture-level city	109.2215	23.7503
451400	崇左市	Chongzuo	Chongzuo	CN-GX	prefecture-level city	107.3651	22.3773
460100	海口市	Haikou	Haikou	CN-HI	prefecture-level city	110.1983	20.0444
460200	三亚市	Sanya	Sanya	CN-HI	prefecture-level city	109.5118	18.2531
460300	三沙市	Sansha	Sansha	CN-HI	prefecture-level city	112.3387	16.8318
460400	儋州市	Danzhou	Danzhou	CN-HI	prefecture-level city	109.5808	19.5211
510100	成都市	Chengdu	Chengdu	CN-SC	prefecture-level city	104.0668	30.5729
510300	自贡市	Zigong	Zigong	CN-SC	prefecture-level city	104.7784	29.3390
510400	攀枝花市	Panzhihua	Panzhihua	CN-SC	prefecture-level city	101.7186	26.5823
510500	泸州市	Luzhou	Luzhou	CN-SC	prefecture-level city	105.4423	28.8718
510600	德阳市	Deyang	Deyang	CN-SC	prefecture-level city	104.3979	31.1269
510700	绵阳市	Mianyang	Mianyang	CN-SC	prefecture-level city	104.6790	31.4675
510800	广元市	Guangyuan	Guangyuan	CN-SC	prefecture-level city	105.8434	32.4354
510900	遂宁市	Suining	Suining	CN-SC	prefecture-level city	105.5928	30.5329
511000	内江市	Neijiang	Neijiang	CN-SC	prefecture-level city	105.0584	29.5802
511100	乐山市	Leshan	Leshan	CN-SC	prefecture-level city	103.7657	29.5521
511300	南充市	Nanchong	Nanchong	CN-SC	prefecture-level city	106.1107	30.8378
511400	眉山市	Meishan	Meishan	CN-SC	prefecture-level city	103.8484	30.0770
511500	宜宾市	Yibin	Yibin	CN-SC	prefecture-level city	104.6428	28.7521
511600	广安市	Guang'an	Guang'an	CN-SC	prefecture-level city	106.6331	30.4562
511700	达州市	Dazhou	Dazhou	CN-SC	prefecture-level city	107.4678	31.2091
511800	雅安市	Ya'an	Ya'an	CN-SC	prefecture-level city	103.0424	30.0106
511900	巴中市	Bazhong	Bazhong	CN-SC	prefecture-level city	106.7475	31.8679
512000	资阳市	Ziyang	Ziyang	CN-SC	prefecture-level city	104.6276	30.1289
513200	阿坝藏族羌族自治州	Ngawa (Aba)		CN-SC	autonomous prefecture	102.2247	31.8994
513300	甘孜藏族自治州	Garze		CN-SC	autonomous prefecture	101.9623	30.0495
513400	凉山彝族自治州	Liangshan		CN-SC	autonomous prefecture	102.2677	27.8816
520100	贵阳市	Guiyang	Guiyang	CN-GZ	prefecture-level city	106.6302	26.6477
520200	六盘水市	Liupanshui	Liupanshui	CN-GZ	prefecture-level city	104.8305	26.5927
520300	遵义市	Zunyi	Zunyi	CN-GZ	prefecture-level city	106.9274	27.7257
520400	安顺市	Anshun	Anshun	CN-GZ	prefecture-level city	105.9476	26.2531
520500	毕节市	Bijie	Bijie	CN-GZ	prefecture-level city	105.2917	27.2839
520600	铜仁市	Tongren	Tongren	CN-GZ	prefecture-level city	109.1896	27.7315
522300	黔西南布依族苗族自治州	Qianxinan		CN-GZ	autonomous prefecture	104.9064	25.0879
522600	黔东南苗族侗族自治州	Qiandongnan		CN-GZ	autonomous prefecture	107.9829	26.5835
522700	黔南布依族苗族自治州	Qiannan		CN-GZ	autonomous prefecture	107.5222	26.2533
530100	昆明市	Kunming	Kunming	CN-YN	prefecture-level city	102.8329	24.8801
530300	曲靖市	Qujing	Qujing	CN-YN	prefecture-level city	103.7962	25.4900
530400	玉溪市	Yuxi	Yuxi	CN-YN	prefecture-level city	102.5272	24.3473
530500	保山市	Baoshan	Baoshan	CN-YN	prefecture-level city	99.1618	25.1120
530600	昭通市	Zhaotong	Zhaotong	CN-YN	prefecture-level city	103.7175	27.3383
530700	丽江市	Lijiang	Lijiang	CN-YN	prefecture-level city	100.2278	26.8550
530800	普洱市	Pu'er	Pu'er	CN-YN	prefecture-level city	100.9662	22.8252
530900	临沧市	Lincang	Lincang	CN-YN	prefecture-level city	100.0888	23.8840
532300	楚雄彝族自治州	Chuxiong		CN-YN	autonomous prefecture	101.5280	25.0455
532500	红河哈尼族彝族自治州	Honghe		CN-YN	autonomous prefecture	103.3749	23.3632
532600	文山壮族苗族自治州	Wenshan		CN-YN	autonomous prefecture	104.2162	23.4007
532800	西双版纳傣族自治州	Xishuangbanna		CN-YN	autonomous prefecture	100.7970	22.0091
532900	大理白族自治州	Dali		CN-YN	autonomous prefecture	100.2676	25.6065
533100	德宏傣族景颇族自治州	Dehong		CN-YN	autonomous prefecture	98.5849	24.4334
533300	怒江傈僳族自治州	Nujiang		CN-YN	autonomous prefecture	98.8566	25.8176
533400	迪庆藏族自治州	Diqing		CN-YN	autonomous prefecture	99.7026	27.8188
540100	拉萨市	Lhasa	Lasa	CN-XZ	prefecture-level city	91.1721	29.6523
540200	日喀则市	Shigatse	Rikaze	CN-XZ	prefecture-level city	88.8806	29.2669
540300	昌都市	Qamdo	Changdu	CN-XZ	prefecture-level city	97.1720	31.1410
540400	林芝市	Nyingchi	Linzhi	CN-XZ	prefecture-level city	94.3615	29.6491
540500	山南市	Shannan	Shannan	CN-XZ	prefecture-level city	91.7731	29.2371
540600	那曲市	Nagqu	Naqu	CN-XZ	prefecture-level city		
542500	阿里地区	Ngari	Ali	CN-XZ	prefecture	80.1058	32.5011
610100	西安市	Xi'an	Xi'an	CN-SN	prefecture-level city	108.9398	34.3416
610200	铜川市	Tongchuan	Tongchuan	CN-SN	prefecture-level city	108.9450	34.8979
610300	宝鸡市	Baoji	Baoji	CN-SN	prefecture-level city	107.2377	34.3632
610400	咸阳市	Xianyang	Xianyang	CN-SN	prefecture-level city	108.7091	34.3299
610500	渭南市	Weinan	Weinan	CN-SN	prefecture-level city	109.4711	34.5204
610600	延安市	Yan'an	Yan'an	CN-SN	prefecture-level city	109.4941	36.6514
610700	汉中市	Hanzhong	Hanzhong	CN-SN	prefecture-level city	107.0230	33.0672
610800	榆林市	Yulin	Yulin	CN-SN	prefecture-level city	109.7345	38.2854
610900	安康市	Ankang	Ankang	CN-SN	prefecture-level city	109.0291	32.6848
611000	商洛市	Shangluo	Shangluo	CN-SN	prefecture-level city	109.9186	33.8727
620100	兰州市	Lanzhou	Lanzhou	CN-GS	prefecture-level city	103.8343	36.0611
620200	嘉峪关市	Jiayuguan	Jiayuguan	CN-GS	prefecture-level city	98.2894	39.7726
620300	金昌市	Jinchang	Jinchang	CN-GS	prefecture-level city	102.1881	38.5207
620400	白银市	Baiyin	Baiyin	CN-GS	prefecture-level city	104.1388	36.5453
620500	天水市	Tianshui	Tianshui	CN-GS	prefecture-level city	105.7250	34.5809
620600	武威市	Wuwei	Wuwei	CN-GS	prefecture-level city	102.6382	37.9283
620700	张掖市	Zhangye	Zhangye	CN-GS	prefecture-level city	100.4499	38.9255
620800	平凉市	Pingliang	Pingliang	CN-GS	prefecture-level city	106.6651	35.5426
620900	酒泉市	Jiuquan	Jiuquan	CN-GS	prefecture-level city	98.4939	39.7328
621000	庆阳市	Qingyang	Qingyang	CN-GS	prefecture-level city	107.6436	35.7090
621100	定西市	Dingxi	Dingxi	CN-GS	prefecture-level city	104.5922	35.6070
621200	陇南市	Longnan	Longnan	CN-GS	prefecture-level city	104.9609	33.3707
622900	临夏回族自治州	Linxia		CN-GS	autonomous prefecture	103.2107	35.6014
623000	甘南藏族自治州	Gannan		CN-GS	autonomous prefecture	102.9110	34.9834
630100	西宁市	Xining	Xining	CN-QH	prefecture-level city	101.7782	36.6171
630200	海东市	Haidong	Haidong	CN-QH	prefecture-level city	102.1043	36.5020
632200	海北藏族自治州	Haibei		CN-QH	autonomous prefecture	100.9010	36.9544
632300	黄南藏族自治州	Huangnan		CN-QH	autonomous prefecture	102.0152	35.5195
632500	海南藏族自治州	Hainan (Qinghai)		CN-QH	autonomous prefecture	100.6227	36.2965
632600	果洛藏族自治州	Golog		CN-QH	autonomous prefecture	100.2448	34.4714
632700	玉树藏族自治州	Yushu		CN-QH	autonomous prefecture	97.0919	33.0117
632800	海西蒙古族藏族自治州	Haixi		CN-QH	autonomous prefecture	97.3698	37.3771
640100	银川市	Yinchuan	Yinchuan	CN-NX	prefecture-level city	106.2309	38.4872
640200	石嘴山市	Shizuishan	Shizuishan	CN-NX	prefecture-level city	106.3833	38.9832
640300	吴忠市	Wuzhong	Wuzhong	CN-NX	prefecture-level city	106.1989	37.9974
640400	固原市	Guyuan	Guyuan	CN-NX	prefecture-level city	106.2426	36.0159
640500	中卫市	Zhongwei	Zhongwei	CN-NX	prefecture-level city	105.1969	37.5000
650100	乌鲁木齐市	Urumqi	Wulumuqi	CN-XJ	prefecture-level city	87.6168	43.8256
650200	克拉玛依市	Karamay	Kelamayi	CN-XJ	prefecture-level city	84.8892	45.5799
650400	吐鲁番市	Turpan	Tulufan	CN-XJ	prefecture-level city	89.1898	42.9513
650500	哈密市	Hami	Hami	CN-XJ	prefecture-level city	93.5152	42.8195
652300	昌吉回族自治州	Changji		CN-XJ	autonomous prefecture	87.3082	44.0112
652700	博尔塔拉蒙古自治州	Bortala		CN-XJ	autonomous prefecture	82.0664	44.9060
652800	巴音郭楞蒙古自治州	Bayingolin		CN-XJ	autonomous prefecture	86.1453	41.7641
652900	阿克苏地区	Aksu	Akesu	CN-XJ	prefecture	80.2606	41.1688
653000	克孜勒苏柯尔克孜自治州	Kizilsu		CN-XJ	autonomous prefecture	76.1678	39.7145
653100	喀什地区	Kashgar	Kashi	CN-XJ	prefecture	75.9897	39.4705
653200	和田地区	Hotan	Hetian	CN-XJ	prefecture	79.9222	37.1142
654000	伊犁哈萨克自治州	Ili		CN-XJ	autonomous prefecture	81.3241	43.9168
654200	塔城地区	Tacheng	Tacheng	CN-XJ	prefecture	82.9803	46.7454
654300	阿勒泰地区	Altay	Aleitai	CN-XJ	prefecture	88.1413	47.8449
"""###
