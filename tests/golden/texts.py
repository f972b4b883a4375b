"""The texts of the golden files."""

from tests.helpers.nasty_texts import NASTY

TEXTS = [
    *NASTY,
    "The film opens slowly, but the last half hour is worth every minute of the wait.",
    "What is the capital of Mongolia?",
    "Oil prices fell for a third day as inventories rose.",
    " ".join(f"Sentence number {index} says something a little different from the others." for index in range(60)),
]

# Texts on which tiny models are trained and compared.
SHORT = [text for text in TEXTS if len(text) < 400]
MOST_TOKENS = 16

# Written for the tests, like hotel reviews: full-width signs, digits, Latin words, rare characters.
CHINESE = [
    "房间很干净，服务也很热情，下次还会再来！",
    "早餐一般，电梯太慢；前台态度冷淡……",
    "价格３００元，WiFi不错，iPhone充电也方便。",
    "离地铁站只有 5 分钟，位置非常好（推荐）。",
    "隔音差\u3000晚上很吵\n不会再住",
    "這家飯店的浴室非常舊，令人失望。",
    "朋友说：“还可以”，我觉得一般般😊",
    "𠮷野家就在旁边，饕餮之徒有福了",
    "12楼的房间有点小，但是很温馨，五星好评！！",
]
