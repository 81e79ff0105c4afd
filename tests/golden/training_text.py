"""What the small tokenizers of make_small_tokenizers.py are trained on: a few lines of our own in several languages."""

PROSE = """\
A cache holds the keys and the values of every token that has been read. Each new token asks one question of all of them,
and what it pays is the reading: a long text is a long row of keys. Some of them matter, most of them do not, and nobody
knows beforehand which. That's why we'd rather choose than drop; what we've dropped we can't ask again, and they'll ask.
The first tokens are special. They're looked at by everyone, though they say little. I'm told it's where the weight goes
that has nowhere else to go. Don't throw them away! The window is the other half: the last few hundred tokens, in order.
Tom had a big red ball. "May I see it?" said Anna. She did not want to take it; she wanted to see how high it went.
In 2024 there were 12 of 100 left, in 2025 only 3.5 percent: 1,024 tokens, 2048 tokens, 4096 tokens.
Ein Satz auf Deutsch: Über den Flüssen liegt früh am Morgen weißer Nebel, und größere Schiffe fahren dann nicht.
Une phrase en français : l'été, la forêt sent le pin, et l'on entend déjà la mer au-delà du chemin.
Una frase en español: mañana por la mañana iré al mercado con mi señora. ¿Y tú? ¡Claro que sí!
По утрам над рекой стоит туман, и большие корабли тогда не ходят. Вечером он уходит.
Το πρωί πάνω από το ποτάμι έχει ομίχλη και τα μεγάλα πλοία δεν περνούν.
河上早晨有雾，大船不走。晚上雾就散了。我们在河边看船，也看人。
朝の川には霧があります。大きな船は通りません。夕方になると霧は晴れます。
아침에는 강에 안개가 있고 큰 배는 다니지 않습니다.
في الصباح يكون الضباب فوق النهر ولا تمر السفن الكبيرة.
בבוקר יש ערפל מעל הנהר והאוניות הגדולות אינן עוברות.
Two smiles 😀😀, a heart ❤️ and a flag 🇩🇪 — that is all… 👍🏽
"""
CODE = """\
int main(int argc, char** argv) {
    for (int i = 0; i < argc; ++i) {
        if (argv[i] == nullptr)
            return 1;
    }
    return 0;
}
def attend(query, keys, values):
\treturn softmax(query @ keys.T / len(query) ** 0.5) @ values
"""
LINES = (PROSE + CODE).splitlines(keepends=True)
