"""Words that carry no topic: articles, pronouns, prepositions, auxiliaries and question words, per language.

They are written as `fold` leaves them (lower case, without accents), apostrophes already split.

Source: the function words of the stop word lists published with the Snowball stemmers (snowballstem.org).
"""

from __future__ import annotations

_ENGLISH = """
a about above after again against all also am an and any are aren as at be because been before being below
between both but by can cannot could couldn d did didn do does doesn doing don down during each else ever few for
from further get gets getting give go goes got had hadn has hasn have haven having he her here hers herself him
himself his how i if in into is isn it its itself just know let ll m make many may me might more most much must my
myself need no nor not now of off on once only or other ought our ours ourselves out over own please re really s
same shall she should shouldn so some such t tell than that the their theirs them themselves then there these they
this those through to too under until up us use used using very ve via want was wasn we were weren what when where
whether which while who whom whose why will with without won would wouldn yes yet you your yours yourself
yourselves
"""

_FRENCH = """
a afin ai aie aient ait alors apres as au aucun aucune aura aurait aussi autre autres aux avaient avais avait avant
avec avez avoir avons ayant c ca car ce ceci cela celle celles celui ces cet cette ceux chaque chez combien comme
comment d dans de des deux doit doivent donc dont du elle elles en encore entre es est et etaient etais etait etant
ete etes etre eu eux fait faire faut font furent fut ici il ils j je l la le les leur leurs lors lorsque lui m ma
mais me meme memes mes mettre moi moins mon n ne ni non nos notre nous on ont ou par parce pas pendant peu peut
peuvent peux plus plusieurs pour pourquoi pourrait puis puisque qu quand que quel quelle quelles quelque quelques
quels qui quoi s sa sans sauf se selon sera serait seront ses si soi soient sois soit sommes son sont sous suis sur
t ta tandis te tel telle telles tels tes toi ton tous tout toute toutes tres trop tu un une vers veut veux voici
voila vos votre voudrais vous y
"""

STOP_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(_ENGLISH.split()),
    "fr": frozenset(_FRENCH.split()),
}
