"""Countries (``y``): Tiki knows them by the names of its flags (img/flags; Field/CountrySelector.php, 24.4)."""

from __future__ import annotations

from typing import ClassVar

from tikisync.core.fields.kind import Context, FieldType, Stored
from tikisync.core.fields.scalars import plain
from tikisync.core.trackers import Field, Json

_FLAGS = """
    AF:Afghanistan AX:Aland_Islands AL:Albania DZ:Algeria AS:American_Samoa AD:Andorra AO:Angola AI:Anguilla
    AG:Antigua AR:Argentina AM:Armenia AW:Aruba AU:Australia AT:Austria AZ:Azerbaijan BS:Bahamas BH:Bahrain
    BD:Bangladesh BB:Barbados BY:Belarus BE:Belgium BZ:Belize BJ:Benin BM:Bermuda BT:Bhutan BO:Bolivia
    BA:Bosnia_and_Herzegovina BW:Botswana BV:Bouvet_Island BR:Brazil IO:British_Indian_Ocean_Territory
    VG:British_Virgin_Islands BN:Brunei BG:Bulgaria BF:Burkina_Faso BI:Burundi KH:Cambodia CM:Cameroon CA:Canada
    CV:Cape_Verde Catalan_Countries KY:Cayman_Islands CF:Central_African_Republic TD:Chad CL:Chile CN:China
    CX:Christmas_Island CC:Cocos_Islands CO:Colombia KM:Comoros CG:Congo CK:Cook_Islands CR:Costa_Rica HR:Croatia
    CU:Cuba CY:Cyprus CZ:Czech_Republic CD:Democratic_Republic_of_the_Congo DK:Denmark DJ:Djibouti DM:Dominica
    DO:Dominican_Republic EC:Ecuador EG:Egypt SV:El_Salvador England GQ:Equatorial_Guinea ER:Eritrea EE:Estonia
    ET:Ethiopia Europe FK:Falkland_Islands FO:Faroe_Islands FM:Federated_States_of_Micronesia FJ:Fiji FI:Finland
    FR:France GF:French_Guiana PF:French_Polynesia TF:French_Southern_Territories GA:Gabon GM:Gambia GE:Georgia
    DE:Germany GH:Ghana GI:Gibraltar GR:Greece GL:Greenland GD:Grenada GP:Guadeloupe GU:Guam GT:Guatemala GN:Guinea
    GW:Guinea_Bissau GY:Guyana HT:Haiti Hansa_HH Hansa_HL HM:Heard_Island_and_McDonald_Islands HN:Honduras
    HK:Hong_Kong HU:Hungary IS:Iceland IN:India ID:Indonesia IR:Iran IQ:Iraq IE:Ireland IL:Israel IT:Italy
    CI:Ivory_Coast JM:Jamaica JP:Japan JO:Jordan KZ:Kazakstan KE:Kenya KI:Kiribati KW:Kuwait KG:Kyrgyzstan LA:Laos
    LV:Latvia LB:Lebanon LS:Lesotho LR:Liberia LY:Libya LI:Liechtenstein LT:Lithuania Low_Germany LU:Luxemburg
    MO:Macao MG:Madagascar MW:Malawi MY:Malaysia MV:Maldives ML:Mali MT:Malta MH:Marshall_Islands MQ:Martinique
    MR:Mauritania MU:Mauritius YT:Mayotte MX:Mexico MD:Moldova MC:Monaco MN:Mongolia ME:Montenegro MS:Montserrat
    MA:Morocco MZ:Mozambique MM:Myanmar NA:Namibia NR:Nauru NP:Nepal NL:Netherlands Netherlands_Antilles
    NC:New_Caledonia NZ:New_Zealand NI:Nicaragua NE:Niger NG:Nigeria NU:Niue None NF:Norfolk_Island KP:North_Korea
    MP:Northern_Mariana_Islands NO:Norway OM:Oman Other PK:Pakistan PW:Palau PS:Palestine PA:Panama
    PG:Papua_New_Guinea PY:Paraguay PE:Peru PH:Philippines PN:Pitcairn PL:Poland PT:Portugal PR:Puerto_Rico
    QA:Quatar MK:Republic_of_Macedonia RE:Reunion RO:Romania RU:Russian_Federation RW:Rwanda SH:Saint_Helena
    KN:Saint_Kitts_and_Nevis LC:Saint_Lucia PM:Saint_Pierre_and_Miquelon WS:Samoa SM:San_Marino
    ST:Sao_Tome_and_Principe SA:Saudi_Arabia SN:Senegal RS:Serbia SC:Seychelles SL:Sierra_Leone SG:Singapore
    SK:Slovakia SI:Slovenia SB:Solomon_Islands SO:Somalia ZA:South_Africa
    GS:South_Georgia_and_South_Sandwich_Islands KR:South_Korea ES:Spain LK:Sri_Lanka VC:St_Vincent_Grenadines
    SD:Sudan SR:Surinam SJ:Svalbard_and_Jan_Mayen SZ:Swaziland SE:Sweden CH:Switzerland SY:Syria TW:Taiwan
    TJ:Tajikistan TZ:Tanzania TH:Thailand TL:Timor-Leste TG:Togo TK:Tokelau TO:Tonga TT:Trinidad_Tobago TN:Tunisia
    TR:Turkey TM:Turkmenistan TC:Turks_and_Caicos_Islands TV:Tuvalu VI:US_Virgin_Islands UG:Uganda UA:Ukraine
    AE:United_Arab_Emirates GB:United_Kingdom United_Nations_Organization US:United_States
    UM:United_States_Minor_Outlying_Islands UY:Uruguay UZ:Uzbekistan VU:Vanuatu VA:Vatican VE:Venezuela VN:Viet_Nam
    Wales WF:Wallis_and_Futuna EH:Western_Sahara World YE:Yemen Yugoslavia ZM:Zambia ZW:Zimbabwe
    the_former_Yugoslav_Republic_of_Macedonia
"""  # spelt as in Tiki; with the country's code of ISO 3166-1 before it

COUNTRIES: frozenset[str] = frozenset(flag.rpartition(":")[2] for flag in _FLAGS.split())
_BY_NAME = {
    name.casefold().replace("_", " "): flag.rpartition(":")[2] for flag in _FLAGS.split() for name in flag.split(":")
}


class CountryType(FieldType):
    """Stored as the name of the country's flag, ``United_Kingdom``."""

    codes = ("y",)
    label = "Country Selector"
    preferences: ClassVar = {"y": ("trackerfield_countryselector",)}
    accepts = "a country by its English name in Tiki or its two-letter code of ISO 3166"

    def encode(self, definition: Field, value: Json, context: Context) -> Stored:  # noqa: ARG002
        """Return Tiki's name of the country; case, spaces and underscores do not matter."""
        text = plain(value)
        country = "" if text == "" else _BY_NAME.get((text or "").strip().casefold().replace("_", " "))
        if country is None:
            raise self.refuse(definition, value, "that is none of them", reason="unknown_country")
        return Stored(country)


TYPES: tuple[FieldType, ...] = (CountryType(),)
