"""What means the same, in several languages, and which topic labels lie near.

A line of the table: words and phrases (`_` for a space) that mean nearly the same, then the labels of feeds that are worth
a look where few say so of themselves, the nearest first.
"""

from __future__ import annotations

from dataclasses import dataclass

from finder.words import words

_TABLE = """
train rail railway railroad zug züge bahn eisenbahn chemin_de_fer ferroviaire tren ferrocarril trem comboio ferrovia treno spoorweg trein : public transport, transport, travel
night_train sleeper_train nachtzug nachtzüge train_de_nuit tren_nocturno trem_noturno comboio_noturno treno_notturno nachttrein : railways, trains, rail travel, travel
high_speed_rail high_speed_train hochgeschwindigkeitszug tgv alta_velocidad alta_velocidade : railways, trains
public_transport public_transit mass_transit tram tramway subway metro light_rail bus nahverkehr öpnv transports transporte_público trasporto_pubblico openbaar_vervoer : transport, railways, cities, urban planning
cycling bicycle bike cyclist fahrrad radfahren cyclisme vélo ciclismo bicicleta bicicletta fiets wielrennen radverkehr radweg bike_lane cycle_path : street safety, public transport, cities, transport
ferry shipping maritime port ship schifffahrt fähre : shipping, ports, transport
aviation airline aircraft airport airplane plane flugzeug avion avión avião luftfahrt aéronautique aviación aviação : airlines, travel, transport
car automobile vehicle auto autos voiture automobile coche carro carros : car industry, electric cars
electric_car electric_vehicle ev elektroauto voiture_électrique coche_eléctrico carro_elétrico auto_elettrica : cars, batteries, charging
battery batterie accumulateur akku batería bateria : energy storage, electric cars, lithium
solid_state_battery feststoffbatterie feststoffakku batterie_solide batería_de_estado_sólido : batteries, energy storage, electric cars, materials
energy_storage energiespeicher stockage_d_énergie almacenamiento_de_energía : batteries, electricity grid
solar_power solar photovoltaic pv solarenergie photovoltaik énergie_solaire energía_solar energia_solar : renewable energy, clean energy
wind_power wind wind_turbine windkraft windenergie éolien énergie_éolienne energía_eólica energia_eólica : renewable energy, clean energy
nuclear_power nuclear_energy nuclear nuclear_reactor reactor kernenergie atomkraft nucléaire energía_nuclear energia_nuclear : energy, electricity grid
nuclear_fusion fusion kernfusion : physics, energy, nuclear power
hydrogen wasserstoff hydrogène hidrógeno hidrogênio idrogeno : fuel cells, energy
heat_pump wärmepumpe pompe_à_chaleur bomba_de_calor warmtepomp : clean energy, buildings, energy efficiency
energy energie énergie energía energia electricity électricité electricidad eletricidade elettricità strom power_grid electricity_grid : clean energy, renewable energy
renewable_energy clean_energy erneuerbare_energie énergie_renouvelable energía_renovable energia_renovável energiewende : solar power, wind power, energy
oil petroleum fossil_fuel natural_gas erdöl pétrole petróleo : energy markets, fossil fuels, energy
climate_change climate climate_crisis global_warming klimawandel klima klimaschutz climat changement_climatique réchauffement cambio_climático clima mudança_climática mudanças_climáticas cambiamento_climatico klimaatverandering : climate science, environment, energy
carbon_capture carbon emission co2 greenhouse_gas : climate change, emissions, climate policy
extreme_weather weather storm hurricane flood drought heatwave wildfire wetter unwetter météo meteorología tiempo : climate change, disasters
environment umwelt environnement medio_ambiente meio_ambiente ambiente milieu ecology : climate, conservation, nature
ocean sea marine maritime_life meer ozean océan mer océano mar oceano mare zee : marine biology, conservation, climate
coral_reef coral reef korallenriff récif_corallien arrecife_de_coral recife_de_coral : oceans, marine life, marine conservation, conservation
coral_bleaching bleaching korallenbleiche : coral reefs, oceans, marine conservation, climate change
fishery fishing overfishing fischerei pêche pesca visserij : oceans, marine conservation
whale dolphin shark turtle : oceans, marine life, wildlife
wildlife animal tiere animaux animales animais fauna : biodiversity, conservation, nature
biodiversity biodiversität artenvielfalt biodiversité biodiversidad biodiversidade endangered_species extinction species : conservation, wildlife, nature
conservation nature_conservation naturschutz nature natur naturaleza natureza natura : wildlife, biodiversity, environment
bird birding ornithology vogel vögel oiseau pájaro : wildlife, conservation, nature
forest rainforest deforestation wald forêt bosque floresta amazônia amazon_rainforest : conservation, climate change, environment
plastic_pollution plastic waste recycling circular_economy pollution müll déchets residuos : oceans, environment, pollution
water groundwater drinking_water : environment, climate, oceans
agriculture farming farm soil crop landwirtschaft agricultor agricultura landbouw : food security, environment
gardening garden garten jardin jardinage jardín jardim tuin : home, nature
physics physik physique física fisica quantum_physics particle_physics : science, research
quantum_computing quantum_computer quantencomputer quantum : physics, computer science, research
chemistry chemie chimie química materials_science : science, materials, research
biology biologie biología biologia life_science : science, evolution, genetics
evolution evolutionary_biology fossil palaeontology paleontology dinosaur : human evolution, biology, science
genetics gene genome dna crispr gene_editing genomics gentechnik : biology, biotechnology, medicine
neuroscience brain gehirn cerveau cerebro cérebro : psychology, brain health
astronomy astronomer telescope galaxy star black_hole astronomie astronomía astronomia : space, cosmology, physics
space spaceflight space_exploration raumfahrt weltraum espace espacio espaço spazio ruimtevaart rocket satellite moon mars : astronomy, nasa, satellites
exoplanet planet planeten exoplanète : astronomy, space
mathematics maths math mathematik mathématiques matemáticas matemática : science, statistics
statistics data_analysis data_science : data visualization, machine learning, python
science wissenschaft sciences ciencia ciência scienza wetenschap forschung research : physics, biology
archaeology archäologie archéologie arqueología arqueologia : history, human evolution, museums
history geschichte histoire historia história storia geschiedenis roman_empire medieval middle_ages ancient_rome : archaeology, museums
world_war second_world_war war krieg guerre guerra : conflict, military history, defence
ukraine ukrainian ukraine_war : war, russia
medicine medizin médecine medicina geneeskunde clinical_trial treatment : health, research, public health
health gesundheit santé salud saúde salute gezondheid : medicine, public health, nutrition
public_health epidemic pandemic covid infectious_disease virus outbreak : vaccines, medicine, health
vaccine vaccination impfung vacuna vacina vaccin : public health, medicine, health
cancer oncology tumour tumor krebs cáncer câncer : medicine, health, research
diabetes obesity : medicine, nutrition, health
nutrition diet ernährung alimentación alimentação : health, food
mental_health depression anxiety salud_mental saúde_mental psychische_gesundheit santé_mentale : psychology, therapy, health
psychology psychologie psicología psicologia : mental health, neuroscience, behaviour
memory learning_and_memory gedächtnis memoria : neuroscience, psychology, learning
sleep insomnia schlaf sommeil sueño : neuroscience, health, psychology
ageing aging longevity : brain health, medicine, health
artificial_intelligence ai künstliche_intelligenz ki intelligence_artificielle inteligencia_artificial inteligência_artificial intelligenza_artificiale : machine learning, language models, robotics
machine_learning ml maschinelles_lernen apprentissage_automatique aprendizado_de_máquina : artificial intelligence, deep learning, data science
deep_learning neural_network neural_networks : machine learning, artificial intelligence
language_model large_language_model llm llms chatgpt gpt chatbot generative_ai generative_model sprachmodell modelos_de_lenguaje : artificial intelligence, natural language processing, machine learning
natural_language_processing nlp : language models, machine learning
computer_vision image_recognition image_generation text_to_image : deep learning, machine learning, artificial intelligence
robotics robot roboter robótica : artificial intelligence, engineering
ai_safety ai_regulation ai_policy ai_act alignment : artificial intelligence, policy, regulation, ethics
programming coding software_development programmierung programmation programación programação programmazione developer developers : software, tutorials, developer tools
python : programming, data science
web_framework web_frameworks django flask fastapi : python, web development
rust golang : programming, open source
go_language golang go_programming : programming, cloud
javascript js typescript node nodejs react : web development, programming
web_development frontend front_end web_design css html : javascript, user experience, programming
mobile_development ios_development android_development : android, ios, programming
java jvm kotlin : programming, software architecture
database databases sql postgres postgresql mysql sqlite datenbank : data engineering, distributed systems, programming
data_engineering big_data data_pipeline : databases, data, machine learning
distributed_system distributed_systems microservice : databases, software architecture, cloud
devops kubernetes k8s docker container containers continuous_integration : cloud, infrastructure, software
cloud cloud_computing serverless aws : infrastructure, devops
linux ubuntu debian : open source, operating systems
open_source free_software software_livre software_libre logiciel_libre freie_software : linux, software, programming
maintainer maintenance open_source_maintenance : open source, software
software_architecture software_design : programming, software
operating_system kernel : linux, programming
security cybersecurity cyber_security it_sicherheit cybersécurité ciberseguridad segurança_da_informação sicurezza_informatica infosec : vulnerabilities, malware, privacy
malware ransomware botnet trojan : security, cybercrime, data breaches
cybercrime cyber_attack cyberattack phishing : security, malware, hacking
hospital patient doctor nurse : medicine, health, public health
vulnerability zero_day exploit : security, software supply chain
data_breach data_leak datenleck : security, privacy
privacy data_protection gdpr datenschutz dsgvo rgpd lgpd vie_privée protection_des_données privacidad protección_de_datos privacidade privacidade_de_dados proteção_de_dados protezione_dei_dati privacidad_de_datos gegevensbescherming : surveillance, digital rights, encryption, security
surveillance facial_recognition überwachung vigilancia vigilância biometrics : privacy, digital rights
encryption cryptography verschlüsselung chiffrement cifrado criptografia : security, privacy
semiconductor chip chips microchip halbleiter semi_conducteur processor : electronics, computers, processors
electronics hardware embedded_system : hardware hacking, semiconductors
smartphone phone iphone android handy móvil celular : gadgets, apple, technology
computer laptop pc ordinateur computador : processors, technology
technology technik technologie tecnología tecnologia gadget : computers, internet
3d_printing 3d_printer additive_manufacturing : manufacturing, hardware hacking
social_media soziale_medien réseaux_sociaux redes_sociales redes_sociais facebook tiktok instagram : internet culture, technology, media
internet web : technology, internet policy
user_experience ux usability interface ui : design, product design, web design
design diseño graphic_design : product design, architecture, art
architecture architektur arquitectura arquitetura architettura building : design, urban planning, cities
urban_planning urban city cities stadt stadtplanung ville ciudad cidade città urbanism urbanismo : housing, public transport, architecture
housing rent real_estate property immobilien immobilier vivienda moradia : cities, urban planning, economy
interior_design furniture home_decor : home, design, architecture
museum exhibition gallery ausstellung musée museu museo : art, history, culture
art painting sculpture kunst arte kunstwerk : design, photography, museums
photography photo camera fotografie photographie fotografía fotografia : cameras, art
music musik musique música musica muziek song album concert : albums, culture
film cinema movie kino cinéma cine filme : television, series, culture
television tv series streaming_series serien : film, streaming
book literature reading novel buch literatur livre libro livro boek : literature, reviews, culture
theatre theater opera dance ballet : culture, arts
comics manga anime graphic_novel : books, film
philosophy philosophie filosofía filosofia ethics : essays, ideas
linguistics language sprache langue idioma : languages, writing
culture kultur cultura cultuur : arts, books, film
video_game game gaming videospiel videospiele jeu_vidéo jeux_vidéo videojuego jogos : consoles, pc games
game_development game_design : video games
chess schach ajedrez échecs xadrez scacchi : board games, games
board_game brettspiel : games
fashion mode moda clothing : clothing, fashion industry
cosmetics beauty skincare : fashion
food voedsel lebensmittel nahrung alimento alimentos essen cuisine comida cibo cucina eten cooking kochen recipe rezept recette cocina receta receita ricetta baking : recipes, restaurants
wine beer coffee : food, restaurants
vegan vegetarian vegetarisch : recipes, food
travel reise reisen voyage viaje viajes viagem viaggio reizen tourism tourismus turismo : destinations, hotels
hiking backpacking wandern randonnée senderismo : travel, nature
sport sports deporte deportes esporte esportes sportif : football, olympics
football soccer fußball futebol fútbol calcio voetbal : premier league, champions league, sports
bundesliga german_football : fußball, football
premier_league english_football : football
la_liga real_madrid barça : fútbol, football
serie_a : calcio, football
world_cup weltmeisterschaft coupe_du_monde mundial copa_do_mundo : football, sports
basketball nba baloncesto basquete : sports
american_football nfl : sports
tennis tenis tênis wimbledon : sports
cricket : sports
motorsport formula_1 formel_1 fórmula_1 formula_one : cars, sports
olympics olympic_games olympia jeux_olympiques juegos_olímpicos olimpíadas : sports, athletics
rugby athletics marathon running : sports, olympics
business unternehmen entreprise entreprises empresa empresas azienda company : companies, markets, management
economy economics wirtschaft économie economía economia economie : inflation, markets, business
inflation interest_rate interest_rates monetary_policy central_bank zinsen inflación inflação inflazione : economics, economy, central banks
stock stocks stock_market börse aktien bourse bolsa ações borsa investing investment : markets, personal finance
personal_finance saving pension retirement : investing, index funds
cryptocurrency crypto bitcoin ethereum blockchain kryptowährung criptomoeda criptomoneda : markets, finance
startup start_up startups founder entrepreneur entrepreneurship gründer : venture capital, funding
venture_capital vc seed_funding funding : startups, investing
management leadership career careers hiring : business, strategy
marketing seo advertising : business, social media
manufacturing industry industrie industria indústria factory : engineering, business
supply_chain logistics logistik : shipping, ports, manufacturing
mining mine bergbau minería mineração : metals, minerals
lithium rare_earth critical_mineral cobalt : batteries, mining, metals
politics politik politique política politica politiek election elections wahl wahlen élection elecciones eleições elezioni parliament democracy : government, policy
european_union eu brussels european_commission : europe, politics
foreign_policy geopolitics diplomacy geopolitik géopolitique geopolítica : think tanks, diplomacy
defence defense military arms : military technology, war, arms control
refugee refugees migration migrant asylum immigration immigrant einwanderung inmigración imigração flüchtling réfugié refugiado : humanitarian aid, human rights
human_right human_rights menschenrechte droits_de_l_homme derechos_humanos direitos_humanos : law, united nations
law legal court courts recht jura droit derecho direito diritto judge supreme_court : constitutional law, rule of law
copyright piracy urheberrecht droit_d_auteur : internet law, law
financial_regulation banking bank banken banque banco : central banks, markets
education school schools university bildung schule éducation école educación educação istruzione onderwijs student teacher classroom : universities, learning
open_science open_access scholarly_publishing peer_review : research, libraries
journalism media medien journalismus journalisme periodismo jornalismo press newsroom : fact checking, newsrooms
data_journalism data_visualization data_visualisation infographic : statistics, journalism, maps
united_states usa us america american :
united_kingdom uk britain british england :
germany german deutschland deutsch allemagne alemania alemanha :
france french frankreich francia frança :
spain spanish españa spanien espagne espanha :
italy italian italia italien italie itália :
netherlands dutch nederland :
brazil brasil brazilian brasilien brésil :
china chinese hong_kong :
india indian :
africa african afrika afrique áfrica :
europe european europa :
middle_east israel iran gaza palestine naher_osten :
russia russian russland russie rusia :
supply_chain_attack software_supply_chain : security, vulnerabilities, malware
digital_rights netzpolitik bürgerrechte : privacy, internet policy, surveillance
product_management product_manager : management, product design, startups
typography typeface font schrift : design, web design, graphics
seagrass kelp mangrove seegras : oceans, marine conservation, conservation
restoration rewilding reforestation renaturierung : conservation, biodiversity, environment
bee pollinator insect bienen abeille abeja abelha : wildlife, biodiversity, agriculture, nature
pesticide glyphosate pestizid : agriculture, environment, pollution
air_pollution air_quality smog feinstaub : pollution, environment, health
microplastic mikroplastik : plastic pollution, pollution, oceans
heat_island urban_heat : cities, climate change, urban planning
arctic antarctica antarctic glacier gletscher polar_ice sea_ice : climate science, climate change, oceans
earthquake volcano tsunami erdbeben terremoto : disasters, science
hydropower hydroelectric wasserkraft : dams, renewable energy, energy
gene_therapy gentherapie : genetics, biomedicine, medicine
antibiotic antibiotic_resistance immune_system immunology microbiome drug_discovery : biomedicine, medicine, disease
alzheimer dementia demenz : brain health, neuroscience, medicine
fitness exercise workout yoga : health, nutrition
space_debris space_junk weltraumschrott : satellites, space
programming_language compiler type_system : language design, programming
data_center data_centre rechenzentrum : cloud, infrastructure, energy
telecommunication telecom broadband 5g mobile_network : networking, internet
autonomous_vehicle self_driving_car autonomous_driving autonomes_fahren : robotics, cars, artificial intelligence
drone drohne : robotics, military technology
virtual_reality augmented_reality vr metaverse : video games, gadgets
smart_home home_automation : gadgets, electronics
indie_game : pc games, video games, game development
tax taxation tax_reform steuer steuern impôt impuesto imposto reforma_tributária tassa : economics, economy, personal finance
remote_work home_office teleworking télétravail teletrabajo teletrabalho workplace : careers, jobs, management
job employment unemployment labour_market labor_market arbeitsmarkt emploi empleo emprego lavoro : careers, economy
digital_currency cbdc digital_euro : central banks, currencies, cryptocurrency
tariff trade_war zölle : economy, markets, business
trade : economy, markets, business
inequality poverty ungleichheit desigualdad desigualdade : social justice, economics, society
feminism gender women frauen femmes mujeres mulheres : society, social justice, culture
disinformation misinformation fake_news desinformation desinformación desinformação : fact checking, media, journalism
nuclear_weapon atomwaffe arme_nucléaire : arms control, non-proliferation, disarmament
patent intellectual_property : copyright, law, innovation
antitrust monopoly competition_law kartellrecht : regulation, law, business
religion church kirche : philosophy, history, society
children child parenting kinder enfants : education, psychology, health
pet dog haustier hund : animals, wildlife
classical_music klassik orchestra : music, opera
library bibliothek bibliothèque biblioteca : books, archives, open access
news nachrichten actualités noticias notícias notizie nieuws headlines : world
"""


@dataclass(frozen=True)
class Related:
    same: tuple[tuple[tuple[str, ...], str], ...]
    """(roots, as written) of words and phrases that mean the same."""
    near: tuple[str, ...]
    """Topic labels, the nearest first."""


def _read() -> dict[tuple[str, ...], list[Related]]:
    table: dict[tuple[str, ...], list[Related]] = {}
    for row in _TABLE.strip().splitlines():
        said, _, near = row.partition(" :")
        forms: dict[tuple[str, ...], str] = {}
        for one in said.split():
            text = one.replace("_", " ")
            forms.setdefault(tuple(words(text)), text)
        related = Related(
            tuple(forms.items()), tuple(dict.fromkeys(label.strip() for label in near.split(",") if label.strip()))
        )
        for form in forms:
            table.setdefault(form, []).append(related)
    return table


_RELATED = _read()


def known(form: tuple[str, ...]) -> bool:
    """Whether the table knows a word or phrase, given as roots."""
    return form in _RELATED


def same(form: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    """(roots, as written) of others that mean the same."""
    every = dict.fromkeys(other for row in _RELATED.get(form, ()) for other in row.same)
    return [other for other in every if other[0] != form]


def near(form: tuple[str, ...]) -> list[str]:
    """Labels that lie near, the nearest first."""
    return list(dict.fromkeys(label for row in _RELATED.get(form, ()) for label in row.near))
