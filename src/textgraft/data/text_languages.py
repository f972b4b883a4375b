"""The language of texts, by py3langid where it is installed: naive Bayes on byte n-grams, without network.

Source: Lui & Baldwin, 2012, https://aclanthology.org/P12-3005/.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Any

UNDETERMINED = "undetermined"
INSTALLATION = "pip install 'textgraft[languages]'"

_CHARACTERS = 300  # of a text that are looked at
# Above them, 99.7 % of languages are right or more (docs/measurements.md).
_MIN_LETTERS, _MIN_PROBABILITY = 20, 0.7
# Of all texts; a language of fewer ones is more often an error than a language.
_MIN_SHARE, _MIN_TEXTS = 0.01, 5

_NAMES = {
    "ace": "Acehnese", "af": "Afrikaans", "am": "Amharic", "an": "Aragonese", "ar": "Arabic", "ary": "Moroccan Arabic",
    "arz": "Egyptian Arabic", "as": "Assamese", "az": "Azerbaijani", "ba": "Bashkir", "bcl": "Central Bikol",
    "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali", "br": "Breton", "bs": "Bosnian", "ca": "Catalan",
    "crh": "Crimean Tatar", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "dz": "Dzongkha",
    "el": "Greek", "en": "English", "eo": "Esperanto", "es": "Spanish", "et": "Estonian", "eu": "Basque",
    "ext": "Extremaduran", "fa": "Persian", "fi": "Finnish", "fo": "Faroese", "fr": "French",
    "fuv": "Nigerian Fulfulde", "fy": "Western Frisian", "ga": "Irish", "gcf": "Guadeloupean Creole",
    "gcr": "Guianese Creole", "gd": "Scottish Gaelic", "gl": "Galician", "gom": "Goan Konkani", "grc": "Ancient Greek",
    "gu": "Gujarati", "gug": "Guarani", "guw": "Gun", "ha": "Hausa", "hbo": "Ancient Hebrew", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "ht": "Haitian Creole", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian",
    "ig": "Igbo", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "jv": "Javanese", "ka": "Georgian",
    "kab": "Kabyle", "kik": "Kikuyu", "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "ku": "Kurdish",
    "ky": "Kyrgyz", "la": "Latin", "lb": "Luxembourgish", "lg": "Ganda", "lij": "Ligurian", "ln": "Lingala",
    "lo": "Lao", "lt": "Lithuanian", "ltg": "Latgalian", "lv": "Latvian", "mg": "Malagasy", "mk": "Macedonian",
    "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "my": "Burmese",
    "ne": "Nepali", "nl": "Dutch", "nn": "Norwegian Nynorsk", "no": "Norwegian", "nso": "Northern Sotho",
    "oc": "Occitan", "om": "Oromo", "or": "Odia", "pa": "Punjabi", "pcm": "Nigerian Pidgin", "pl": "Polish",
    "ps": "Pashto", "pt": "Portuguese", "qu": "Quechua", "ro": "Romanian", "ru": "Russian", "rw": "Kinyarwanda",
    "sa": "Sanskrit", "sdh": "Southern Kurdish", "se": "Northern Sami", "si": "Sinhala", "sk": "Slovak",
    "sl": "Slovenian", "sn": "Shona", "so": "Somali", "sq": "Albanian", "sr": "Serbian", "st": "Southern Sotho",
    "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "tg": "Tajik", "th": "Thai", "tk": "Turkmen",
    "tl": "Tagalog", "tr": "Turkish", "tt": "Tatar", "ug": "Uyghur", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek",
    "uzs": "Southern Uzbek", "vec": "Venetian", "vi": "Vietnamese", "vo": "Volapük", "wa": "Walloon",
    "wuu": "Wu Chinese", "xh": "Xhosa", "yo": "Yoruba", "yue": "Cantonese", "zh": "Chinese", "zu": "Zulu",
}  # fmt: skip


def detect_languages(texts: Iterable[str]) -> list[str] | None:
    """The English name of the language of each text; None where py3langid is not installed.

    It is "undetermined" for texts of less than 20 letters, and where the classifier is not sure.
    """
    identifier = _identifier()
    return None if identifier is None else [_language(identifier, text[:_CHARACTERS]) for text in texts]


def without_rare_languages(languages: Iterable[str]) -> list[str]:
    """The same, with "undetermined" for languages of less than five texts, or of less than 1 % of all."""
    names = list(languages)
    counts = Counter(names)
    minimum = max(_MIN_TEXTS, _MIN_SHARE * len(names))
    return [name if counts[name] >= minimum else UNDETERMINED for name in names]


def _language(identifier: Any, text: str) -> str:
    letters = islice(filter(str.isalpha, text), _MIN_LETTERS)
    if sum(1 for _ in letters) < _MIN_LETTERS:
        return UNDETERMINED
    code, probability = identifier.classify(text)
    return _NAMES.get(code, UNDETERMINED) if probability >= _MIN_PROBABILITY else UNDETERMINED


@cache
def _identifier() -> Any | None:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
