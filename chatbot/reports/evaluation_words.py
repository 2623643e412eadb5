"""The words of the evaluation's report, in its languages."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "fr"]

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Evaluation", "Évaluation"),
    "asked_on": (
        "{count} questions of {set}, asked on {date}",
        "{count} questions de {set}, posées le {date}",
    ),
    "documents": ("Documents", "Documents"),
    "model": ("Model", "Modèle"),
    "offline": ("offline (quotes the documents)", "hors ligne (cite les documents)"),
    "index": ("Index", "Index"),
    "baseline": ("Compared with", "Comparé à"),
    "passages_count": ("{count} passages", "{count} passages"),
    "stopped": (
        "Stopped early ({reason}): {count} questions were not asked. All figures are of those that were.",
        "Arrêtée avant la fin ({reason}) : "
        "{count} questions n’ont pas été posées ; les chiffres portent sur les autres.",
    ),
    "mismatch": (
        "Not the same questions: {here} are in this run alone, {before} in the earlier one alone, {reworded} have "
        "another text now. The comparison is over the {shared} of both.",
        "Les questions diffèrent : {here} ne sont que dans cette évaluation, {before} que dans la précédente, "
        "{reworded} ont un autre texte. La comparaison porte sur les {shared} questions communes.",
    ),
    "figures": ("Figures", "Chiffres"),
    "interval": ("95 %: {low} to {high}", "95 % : {low} à {high}"),
    "interval_note": (
        "Intervals of 95 %: Wilson for shares, percentile bootstrap for the mean reciprocal rank.",
        "Intervalles à 95 % : Wilson pour les proportions, bootstrap par percentiles pour le rang réciproque moyen.",
    ),
    "hit@5": ("Right passage in the best 5", "Bon passage parmi les 5 premiers"),
    "hit@1": ("Right passage first", "Bon passage en premier"),
    "mrr@10": ("Mean reciprocal rank of 10", "Rang réciproque moyen sur 10"),
    "answer_contains": ("Answer holds what it should", "Réponse contenant l’attendu"),
    "refused_in_scope": ("Refused though answerable", "Refus à tort"),
    "refused_out_of_scope": ("Refused as it should be", "Refus à raison"),
    "near_far": ("near {near}, far {far}", "proches {near}, éloignées {far}"),
    "failed": ("Failed", "En échec"),
    "tokens": ("Tokens per prompt", "Jetons par requête"),
    "tokens_note": ("{share} of the documentation", "{share} de la documentation"),
    "cost": ("{cost} USD in all", "{cost} USD en tout"),
    "search_time": ("Search, median", "Recherche, médiane"),
    "search_note": ("95 % within {ms} ms", "95 % en moins de {ms} ms"),
    "points": ("{value} pts", "{value} pts"),
    "indexing": ("Indexing", "Indexation"),
    "indexing_note": (
        "{count} passages, the longest of {longest} characters",
        "{count} passages, le plus long de {longest} caractères",
    ),
    "none_asked": ("none asked", "aucune posée"),
    "of_questions": ("of {count} questions", "sur {count} questions"),
    "curves": ("Curves", "Courbes"),
    "curve_hits": ("Right passage among the first k", "Bon passage parmi les k premiers"),
    "curve_hits_x": ("k, passages looked at", "k, passages lus"),
    "curve_refusal": ("Refusing by the best score alone", "Refuser selon le seul meilleur score"),
    "curve_refusal_x": ("answerable questions refused", "questions traitées refusées"),
    "curve_refusal_y": ("others refused", "autres refusées"),
    "curve_refusal_note": (
        "The line: every threshold on the best passage’s score (area {area}). The point: what was decided.",
        "La courbe : tous les seuils sur le score du meilleur passage (aire {area}). Le point : ce qui a été décidé.",
    ),
    "operating_point": ("what was decided", "décision prise"),
    "curve_search": ("Search time", "Temps de recherche"),
    "curve_answer": ("Time to the whole answer", "Temps jusqu’à la réponse complète"),
    "curve_answer_note": (
        "while others were being answered at the same time",
        "pendant que d’autres recevaient leur réponse",
    ),
    "milliseconds": ("milliseconds", "millisecondes"),
    "questions": ("questions", "questions"),
    "this_run": ("this run", "cette évaluation"),
    "earlier_run": ("earlier run", "évaluation précédente"),
    "verdicts": ("Verdicts", "Verdicts"),
    "right_passage": ("Right passage cited", "Bon passage cité"),
    "wrong_passage": ("Other passage cited", "Autre passage cité"),
    "not_found": ("Right passage not found", "Bon passage introuvable"),
    "refused_wrongly": ("Refused wrongly", "Refusée à tort"),
    "refused_rightly": ("Refused rightly", "Refusée à raison"),
    "answered_outside": ("Answered though outside", "Réponse hors sujet"),
    "changes": ("What changed", "Ce qui a changé"),
    "changes_lead": (
        "{better} questions got better, {worse} got worse, {mixed} both, of the {shared} that both runs asked.",
        "{better} questions vont mieux, {worse} moins bien, {mixed} les deux, sur les {shared} communes.",
    ),
    "figure": ("Figure", "Chiffre"),
    "before": ("Before", "Avant"),
    "after": ("After", "Après"),
    "difference": ("Change", "Écart"),
    "gained_lost": ("Gained / lost", "Gagnées / perdues"),
    "chance": ("By chance", "Par hasard"),
    "chance_note": (
        "“By chance” is how often a change as large would come about if nothing had changed: McNemar’s exact test "
        "for shares, a randomisation test for the mean reciprocal rank. Under 0.05 it is worth believing.",
        "« Par hasard » : la fréquence à laquelle un tel écart surviendrait si rien n’avait changé (test exact de "
        "McNemar pour les proportions, test de randomisation pour le rang réciproque moyen). "
        "Sous 0,05, on peut y croire.",
    ),
    "every_question": ("Every question", "Toutes les questions"),
    "search": ("Search the questions", "Chercher dans les questions"),
    "search_hint": ("Words, id or section", "Mots, identifiant ou section"),
    "language": ("Language", "Langue"),
    "all": ("all", "toutes"),
    "change": ("Change", "Évolution"),
    "better": ("better", "mieux"),
    "worse": ("worse", "moins bien"),
    "mixed": ("mixed", "mitigé"),
    "same": ("unchanged", "inchangé"),
    "sort": ("Sort by", "Trier par"),
    "sort_file": ("order of the file", "ordre du fichier"),
    "sort_worst": ("worst first", "les pires d’abord"),
    "sort_rank": ("rank of the right passage", "rang du bon passage"),
    "sort_tokens": ("most tokens", "le plus de jetons"),
    "sort_time": ("slowest first", "les plus lentes d’abord"),
    "reset": ("Clear filters", "Effacer les filtres"),
    "shown": ("{shown} of {found} questions shown", "{shown} questions affichées sur {found}"),
    "more": ("Show {count} more", "En afficher {count} de plus"),
    "empty": ("No question fits these filters.", "Aucune question ne correspond à ces filtres."),
    "rank": ("Rank", "Rang"),
    "holds": ("Answer", "Réponse"),
    "holds_yes": ("holds it", "contient"),
    "holds_no": ("lacks it", "manque"),
    "prompt_tokens": ("Tokens", "Jetons"),
    "total_ms": ("ms", "ms"),
    "verdict": ("Verdict", "Verdict"),
    "question": ("Question", "Question"),
    "expected": ("Expected", "Attendu"),
    "expected_outside": (
        "A refusal: the documents do not answer this.",
        "Un refus : les documents n’y répondent pas.",
    ),
    "expected_near": (
        "A refusal: it only sounds as if the documents answered this.",
        "Un refus : les documents semblent seulement y répondre.",
    ),
    "answer": ("Answer", "Réponse"),
    "earlier_answer": ("Answer of the earlier run", "Réponse de l’évaluation précédente"),
    "no_answer": ("No text came.", "Aucun texte n’est venu."),
    "found": ("Passages found", "Passages trouvés"),
    "nothing_found": ("No passage was found.", "Aucun passage trouvé."),
    "right": ("right", "bon"),
    "cited": ("cited", "cité"),
    "cut": ("(cut to keep this file small)", "(coupé pour alléger ce fichier)"),
    "facts": (
        "{prompt} tokens in, {completion} out; search {search} ms, answer {total} ms",
        "{prompt} jetons envoyés, {completion} reçus ; recherche {search} ms, réponse {total} ms",
    ),
    "no_script": (
        "The list of questions needs this file’s own script, which is switched off in this browser.",
        "La liste des questions utilise le script de ce fichier, désactivé dans ce navigateur.",
    ),
}


def say(name: str, language: Language, **values: object) -> str:
    """Give a phrase in a language with its values filled in."""
    return _WORDS[name][language == "fr"].format(**values)


def list_words(language: Language) -> dict[str, str]:
    """Give every phrase of a language, its places for values left open."""
    return {name: words[language == "fr"] for name, words in _WORDS.items()}


def write_share(share: float | None, language: Language, digits: int = 1) -> str:
    """Write a share from 0 to 1 as a percentage, with the language's decimal mark and a no-break space."""
    return "–" if share is None else f"{write_number(100 * share, language, digits)}\u00a0%"


def write_number(value: float, language: Language, digits: int = 0) -> str:
    """Write a number with the language's marks for thousands and decimals."""
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", "\u202f,")) if language == "fr" else text
