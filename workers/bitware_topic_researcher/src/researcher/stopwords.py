"""Words that tell nothing of a subject, by language, without accents (`words.fold` takes them off)."""

from __future__ import annotations


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP: dict[str, frozenset[str]] = {
    "en": _set(
        """a about above after again against all almost alone along already also although always am among an and
        another any are around as at away back be became because become been before being below between both but by
        came can cannot come could did do does doing done don't down during each either else enough even ever every
        few for from further gave get gets getting give given go goes going gone got had has have having he he's her
        here hers herself him himself his how however i i'm if in indeed instead into is isn't it it's its itself just
        keep kept know let like look looks made make makes making many may maybe me might more most mostly much must
        my myself near need needs neither never no nobody none nor not nothing now of off often on once one only onto
        or other others our ours out over own per perhaps put quite rather really said same saw say says see seem
        seemed seems seen she should since so some something still such take taken takes taking than that that's the
        their theirs them then there there's these they they're this those though through thus to together told too
        took toward towards under until up upon us use used uses using usually very via was we we're well went were
        what what's when where whether which while who whole whom whose why will with within without won't would yet
        you you're your yours yourself"""
    ),
    "de": _set(
        """ab aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bereits bis bisher
        da dabei dafur damit danach dann daran darauf daraus darin daruber das dass davon dazu dem den denen denn der
        deren des deshalb dessen die dies diese diesem diesen dieser dieses doch dort durch durfen ein eine einem
        einen einer eines einige er erst es etwa etwas fur gar gegen geht gibt habe haben hat hatte hatten hier hinter
        ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja jede jedem jeden jeder jedes jetzt kann
        kein keine keinen konnen konnte lassen macht man mehr mit muss mussen nach nachdem neben nicht nichts noch nun
        nur ob oder ohne schon sehr sei sein seine seinem seinen seiner seit selbst sich sie sind so sogar soll sollen
        sondern sonst sowie statt tun uber um und uns unser unter viel viele vom von vor wahrend wann war waren was
        weg wegen weil weiter welche welcher wenn wer werde werden wie wieder will wir wird wo wollen wurde wurden zu
        zum zur zwar zwischen"""
    ),
    "es": _set(
        """a ademas ahora al algo algunas algunos ante antes apenas aqui asi aun aunque bajo bien cada casi como con
        contra cual cuando cuyo dado de debe del desde despues dice donde dos durante e el ella ellas ellos en
        entonces entre era eran es esa ese eso esta estaba estan estar estas este esto estos fue fueron ha haber habia
        hace hacer hacia han hasta hay hoy incluso la las le les lo los luego mas me menos mi mientras mismo mucho
        muchos muy nada ni ningun no nos nosotros nunca o otra otras otro otros para pero poco por porque pues puede
        pueden que quien se sea segun ser si sido siempre sin sino sobre solo son su sus tambien tan tanto te tener
        tiene tienen toda todas todavia todo todos tras tu un una unas uno unos usted va van vez y ya yo"""
    ),
    "pt": _set(
        """a ainda alem algo alguns ao aos apenas apos aquele as assim ate bem cada com como contra da das de deixa
        depois desde dessa desse desta deste diz do dos durante e ela elas ele eles em embora enquanto entao entre era
        eram essa esse esta estao estar estas estava este estes eu fazer foi foram ha havia hoje isso isto ja la lhe
        lhes logo mais mas me menos mesmo mesma meu minha muito muitos na nada nao nas nem nenhum no nos nossa nosso
        num numa nunca o onde os ou outra outras outro outros para pela pelas pelo pelos perto pode podem por porque
        porem pouco quais qual quando quanto que quem quer se seja sem sempre sendo ser sera seu seus sido so sob
        sobre sua suas tal tambem tanto tao te tem temos ter teve tinha toda todas todo todos tu um uma umas uns vai
        vem vez"""
    ),
    "fr": _set(
        """a afin ai ainsi alors apres as au aucun aucune aujourd'hui auquel aura aussi autour autre autres aux avait
        avant avec avoir avons bien c'est car ce cela celle celles celui cependant ces cet cette ceux chaque chez ci
        comme comment contre d'une d'un dans de deja depuis des deux devant dit dix doit donc dont du elle elles en
        encore entre est et etaient etait etant ete etre eu eux fait faire faut fois font il ils j'ai je jusqu'a l la
        laquelle le lequel les leur leurs lors lui ma mais malgre me meme memes mes mieux moins mon n'a n'est n'ont ne
        ni non nos notre nous on ont ou par parce pas pendant peu peut peuvent plus plusieurs plutot pour pourquoi
        pres presque qu'elle qu'il qu'ils qu'un qu'une quand que quel quelle quelles quels quelque quelques qui quoi
        rien sa sans se selon sera ses si soit son sont sous souvent sur ta tandis tant te tel telle tes toi ton
        toujours tous tout toute toutes tres trop tu un une va vers voici voila vos votre vous y"""
    ),
}
DULL: dict[str, frozenset[str]] = {
    "en": _set(
        """popular similar common url urls ci pro u.s ceo cto faq pdf taught identify uncovering different various typical useful novel effective powerful robust flexible modern traditional
        several certain entire broad wide deep rapid steady fresh interest interests way approach approaches entry method
        methods request requests acts expert experience able according add added adding agree ago allow allows amount announce announced announces announcing
        answer approach ask asked asks available bad based become begin begins behind best better big bit build
        building built call called calls case cases change changed changes check clear click close comment comments
        company companies complete continue cost costs country course create created creating current currently cut
        daily data date day days decade deep detail details different difficult directly early easier easily easy
        effective end ended ends entire especially example examples excited exciting expect expected explore explores
        exploring fact fall false far fast faster feature features feel felt find finds first five follow following
        form found four free full fully general good great greater group grow growing guide half hand hands happen
        happened hard help helped helping helps high higher highly hold hour hours hundred idea ideas important
        improve improved improving include included includes including increase increased independent introduce
        introduced introduces introducing issue issues join key kind large larger largest last late later latest
        launch launched launches launching lead leading learn learned learning least leave led left less level life
        line list little live local long longer lot lots low lower main major man means member members men meet mind
        minute minutes million millions billion billions moment month months morning move moved moving name named new
        newly news newsletter next night note number numbers offer offers old open opened order part particular parts
        past pay people percent person piece place plan planned plans play point points possible post powerful present
        previous probably problem problems process produce product products program project projects provide provides
        providing public published question questions quick quickly quiet ran range reach read reader readers reading
        ready real reason reasons recent recently release released releases releasing remain remains report reported
        reports require requires result results return returned right round run running sale search second send sense
        series set sets seven several share shared short show showed showing shown shows side simple simply single six
        size small social solve someone soon sort special specific spend staff stand start started starting state stay
        step steps stop stories story strong subscribe summary support supports sure system systems talk team teams
        tell ten term test tested tests text thing things think third thousand three time times tiny title today
        tomorrow top total tried true try trying turn turned turns twelve twice twitter two type types understand
        update updated updates video view visit wait want wanted wants watch way ways week weekly weeks welcome win
        women word words work worked working works world write writing written wrong year years yesterday young
        appeared blog article articles image images photo podcast episode episodes host sponsor monday tuesday
        wednesday thursday friday saturday sunday january february march april june july august september october
        november december jan feb mar apr jun jul aug sep sept oct nov dec spring summer autumn winter http https www
        com org eight nine eleven thirteen fifteen twenty thirty forty fifty sixty hundreds thousands dozen dozens
        quarter thirds degrees percentage accept accepted afraid allowed amused appear appears argue argues arrive
        arrived arrives avoid await beat bought bring bringing brings broke broken brought buy buying calculate
        calculates carry carries caught cause causes choose chose collect consider count counted covers cover cross
        decide decided die died disappear drop drops earn eat enjoy exist exists failed falls fell fight fill finally
        fix forget forgot grew happens hear heard ignore invite knew knows lack lie lies lift lived lives lost love
        matter matters meant mention mentions miss missed needed nice notice paid pays paying permit pick pull push
        raise raised raises refuse refused remember rest rise rises rose sat save saves saved seek seeks sell sells
        sent serve served serves sit sleep slept slow sold speak spent split spread stands stayed stood suffer survive
        survived swim teach tend tends thank thanks thought throw touch travelled treat trust turning waited walk warn
        warned warns wash wear wins won wonder wore yes recap learnings hello dear anyone everyone anything everything
        somebody everybody myself kinds sorts others ones worse worst truly ahead aside beyond closer smaller fewer
        deeper across already known existing political secure international realistic efficient hot rich sign signs
        signed holds earns drive drives driven contain contains settle settles fun hardest paradigms drawn fourth
        fifth sixth seventh eighth ninth tenth core scale scaling careful extra familiar finding findings brand-new
        expand expands appoint appoints appointed partner partners names joins welcomes succeed succeeds fails fail
        weigh weighs cites vote votes voted tens ever latter former meanwhile moreover nearly"""
    ),
    "de": _set(
        """unternehmen richtig learnings macht baut wirkt setzt einsatz anfang arbeit artikel beginnt besuch bild dank deutlich drei ende
        ersten erste erster euro frage fragen fruh fruhjahr funf gemacht ganz ganze gesagt gestern groß große grosse
        großen grossen gut gute hand herbst heute hoch jahr jahre jahren jahres jahrlich kleine klein kommen kommt
        kosten lang lange lasst leben letzte letzten liegt machen mal mann menschen million millionen minuten mitte
        monat monate morgen nachste neue neuen neuer neues nimmt prozent reihe sagt sagte schnell sechs sommer spat
        stadt stehen steht stunden tag tage tagen teil uhr vergangenen vier winter woche wochen zehn zeigt zeit zwei
        montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar marz april mai juni juli august
        september oktober november dezember weiterlesen newsletter"""
    ),
    "es": _set(
        """ano anos anual ayer buena bueno caso ciento cinco ciudad cosa cosas cuatro dia dias diez dijo ejemplo euros
        final forma gente gran grande grandes hora horas lugar manana mayor medio mejor mes meses millon millones
        minutos momento mundo nueva nuevas nuevo nuevos parte pasado persona personas primer primera primero proximo
        seis semana semanas siguiente tarde tiempo todo trabajo tres ultima ultimo verano vida invierno otono
        primavera lunes martes miercoles jueves viernes sabado domingo enero febrero marzo abril mayo junio julio
        agosto septiembre octubre noviembre diciembre leer boletin"""
    ),
    "pt": _set(
        """ano anos ontem amanha boa bom caso cento cinco cidade coisa coisas quatro dia dias dez disse exemplo euros
        fim forma gente grande grandes hora horas lugar maior melhor meio mes meses milhao milhoes minutos momento
        mundo nova novas novo novos parte passado pessoa pessoas primeira primeiro proximo seis semana semanas tarde
        tempo trabalho tres ultima ultimo verao vida inverno outono primavera segunda terca quarta quinta sexta sabado
        domingo janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro ler boletim"""
    ),
    "fr": _set(
        """coute coutent cours degres remplace resteront reste restera chaque an annee annees ans apres-midi bon bonne
        cas cent chose cinq demain derniere dernier derniers fin grand grande grandes grands hier heure heures jour
        jours lieu matin meilleur metre million millions minutes mois moment monde nouveau nouveaux nouvel nouvelle
        nouvelles nuit partie personne personnes petit petite petits premier premiere premieres prochain quatre
        semaine semaines six soir temps trois travail vie ville hiver automne printemps ete lundi mardi mercredi jeudi
        vendredi samedi dimanche janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
        lire suite lettre"""
    ),
}
"""Words that stand in every article: alone they are no keyword, and nor is a phrase made of them alone."""
LINKS = _set("of de do da dos das du des del der des la el")
"""What may stand inside a phrase: `trains de nuit`, `energía del mar`, `state of emergency`."""
VERBS: dict[str, frozenset[str]] = {
    "en": _set(
        """accelerate accelerates acquire acquired acquires acquiring add adds allow allows announce announced announces
        announcing appoint appointed appoints become becomes begin begins boost boosts build builds choose chooses come
        comes create created creates creating deploy deploys detect detects donating drive drives embrace embraces enable
        enabled enables enabling enhance enhances enter enters ensure ensures expand expanded expanding expands explore
        explores exploring face faces forge forges gain gains gave generate generates get gets give gives grapples grow
        grows help helping helps hit hits introduce introduced introduces introducing join joins launch launched launches
        launching learns let lets make makes meet meets move moves observe observes offer offers open opens operating
        optimize optimizes outline outlined outlines powers prioritize produce produces protect protects prove
        proves provide provides raise raised raises reach reaches release released releases releasing remove removes
        replace replaces revive revives scale scales secure secures see sees sends serve serves sets show shows
        sign signed signs solve solves stall stalls support supports supporting take takes tell tells tighten tightens
        turn turns unlock unlocking unlocks unveil unveiled unveils unveiling update updated updates use uses
        utilizing want wants welcome welcomes win wins wrote write writes"""
    ),
    "es": _set("compra devuelve abre cierra gana lanza presenta recupera anuncia busca pide llega"),
    "pt": _set("compra devolve abre fecha ganha lanca apresenta recupera anuncia procura pede chega"),
    "fr": _set("achete rend ouvre ferme gagne lance presente annonce cherche demande arrive"),
}
"""Verbs of headlines: what stands on both sides of one is no phrase (`Nordbahn opens sleeper`)."""
