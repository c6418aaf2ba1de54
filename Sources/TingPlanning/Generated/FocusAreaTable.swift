// SPDX-License-Identifier: Apache-2.0
// Made by Protocol/schema/embed.py.
// swift-format-ignore-file

let focusAreaTable = ###"""
id	name_en	name_da	name_zh	basis
political-dialogue	Strengthening political dialogue, including frequent high-level visits	Styrkelse af den politiske dialog samt hyppig besøgsudveksling på højt niveau	加强政治对话和高层互访	seed
climate-environment	Climate and environment	Klima og miljø	气候与环境	seed
energy-maritime	Energy and maritime	Energi og søfart	能源与海事	seed
food-agriculture	Food and agriculture	Fødevarer og landbrug	食品与农业	seed
health-welfare	Improved public health and welfare	Forbedret offentlig sundhed og velfærd	改善公共卫生与福利	seed
research-innovation-education	Research, innovation and education	Forskning, innovation og uddannelse	研究、创新与教育	seed
green-cooperation	Sustainable green cooperation across all sectors	Bæredygtig grøn omstilling på tværs af alle sektorer	各领域可持续绿色合作	seed (cross-cutting)
"""###
