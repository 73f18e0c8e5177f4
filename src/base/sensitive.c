#include "sensitive.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { SEPARATORS_MAX = 3, FOLDED_MAX = 4, TEXT_MAX = 4096 * FOLDED_MAX, WORD_MAX = 256, SLOTS_FIRST = 1024, PAIR_BITS = 19 };

/* Of each word the hash of its characters; and of all what saves most look-ups: how long they are, and with which two
 * characters they begin. */
struct list {
    uint64_t *hashes; /* open addressing; 0: none */
    size_t count, slots, longest;
    bool lengths[WORD_MAX + 1];
    uint8_t *pairs; /* a bit for the hash of two characters */
};

static struct list current, coming;

/* What is no letter or digit, once folded: it hides nothing, or it ends a clause. */
enum { SEPARATOR = ' ', CLAUSE = ',' };

/* One folded character of a text and the bytes of the original characters it comes from. */
struct folded {
    int32_t character;
    uint32_t from, to;
};

static bool is_separator(int32_t character)
{
    switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return false;
    default:
        return true;
    }
}

static bool is_ascii_word(int32_t character)
{
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
}

/* Marks that end a clause or a line.  A full stop does when a blank or nothing follows, for between letters it dresses
 * words up. */
static bool ends_clause(int32_t character, unsigned char next)
{
    switch (character) {
    case '\n':
    case '\v':
    case '\f':
    case '\r':
    case 0x85:
    case 0x2028:
    case 0x2029:
    case ',':
    case ';':
    case ':':
    case '!':
    case '?':
    case 0x3001:
    case 0x3002: /* full width folds to these */
        return true;
    default:
        return character == '.' && next <= ' ';
    }
}

/* Han, kana and Hangul: characters that nothing is taken off. */
static bool is_whole(int32_t character)
{
    return (character >= 0x3041 && character <= 0x30ff) || (character >= 0x4e00 && character <= 0x9fff) ||
           (character >= 0xac00 && character <= 0xd7a3);
}

/* Voicing marks of kana, vowels and finals of Hangul: part of the character before. */
static bool is_joined(int32_t character)
{
    return character == 0x3099 || character == 0x309a || (character >= 0x1161 && character <= 0x11c2);
}

static bool is_mark(int32_t character)
{
    utf8proc_category_t category = utf8proc_category(character);

    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

/* Folds one character: compatibility form, lower case, no marks but those that are joined.  What folds to nothing
 * (zero-width characters, combining marks) or to more than FOLDED_MAX characters (ligatures of whole phrases) is kept as
 * it is. */
static int fold(int32_t character, int32_t out[static FOLDED_MAX])
{
    const utf8proc_option_t how = UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    int boundary = 0, kept = 0;

    if (character >= 'A' && character <= 'Z')
        return *out = character + ('a' - 'A'), 1;
    if (character < 0x80 || is_whole(character))
        return *out = character, 1;
    utf8proc_ssize_t n = utf8proc_decompose_char(character, out, FOLDED_MAX, how, &boundary);
    for (int i = 0; i < n && n <= FOLDED_MAX; i++)
        if (!is_mark(out[i]) || is_joined(out[i]))
            out[kept++] = out[i];
    if (kept == 0)
        return *out = character, 1;
    return kept;
}

/* Makes one of a character and what is joined to it; false when there is no such one. */
static bool join(struct folded *before, int32_t character, uint32_t to)
{
    int32_t pair[2] = {before->character, character};

    if (!is_joined(character) || utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) != 1)
        return false;
    before->character = pair[0];
    before->to = to;
    return true;
}

/* Folds a text; returns the number of folded characters, at most max. */
static size_t fold_text(const char *text, struct folded *out, size_t max)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    size_t count = 0;
    uint32_t at = 0;

    while (bytes[at]) {
        int32_t character, parts[FOLDED_MAX];
        utf8proc_ssize_t n = utf8proc_iterate(bytes + at, -1, &character);
        if (n <= 0)
            break;
        uint32_t to = at + (uint32_t)n;
        int folded = fold(character, parts);
        for (int i = 0; i < folded && count < max; i++)
            if (count == 0 || !join(&out[count - 1], parts[i], to))
                out[count++] = (struct folded){parts[i], at, to};
        at = to;
    }
    for (size_t i = 0; i < count; i++)
        if (is_separator(out[i].character))
            out[i].character = ends_clause(out[i].character, bytes[out[i].to]) ? CLAUSE : SEPARATOR;
    return count;
}

/* The hash of one more character than that of which it is the hash; never 0. */
static uint64_t mix(uint64_t hash, int32_t character)
{
    hash = (hash + (uint32_t)character + 1) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static size_t slot_of(const struct list *list, uint64_t hash)
{
    size_t slot = (size_t)(hash >> 20) & (list->slots - 1);

    while (list->hashes[slot] && list->hashes[slot] != hash)
        slot = (slot + 1) & (list->slots - 1);
    return slot;
}

static void pair_of(uint64_t hash, size_t *byte, uint8_t *bit)
{
    *byte = (size_t)(hash >> (64 - PAIR_BITS + 3));
    *bit = (uint8_t)(1U << (hash >> (64 - PAIR_BITS) & 7));
}

static void list_free(struct list *list)
{
    free(list->hashes);
    free(list->pairs);
    *list = (struct list){0};
}

/* Room for one more word; false when there is no memory. */
static bool list_grow(struct list *list)
{
    struct list larger = *list;

    if (list->count * 8 < list->slots * 7)
        return true;
    larger.slots = list->slots ? list->slots * 2 : SLOTS_FIRST;
    larger.hashes = calloc(larger.slots, sizeof *larger.hashes);
    if (!larger.pairs)
        larger.pairs = calloc(1, (size_t)1 << (PAIR_BITS - 3));
    for (size_t slot = 0; larger.hashes && slot < list->slots; slot++)
        if (list->hashes[slot])
            larger.hashes[slot_of(&larger, list->hashes[slot])] = list->hashes[slot];
    list->pairs = larger.pairs;
    if (!larger.hashes || !larger.pairs) {
        free(larger.hashes);
        return false;
    }
    free(list->hashes);
    *list = larger;
    return true;
}

/* The characters of a word: of clause marks between its letters each row is one, as it is in texts; those around it are not
 * the word's. */
static size_t word_characters(const struct folded *text, size_t count, int32_t out[static WORD_MAX])
{
    size_t length = 0;
    bool clause = false;

    for (size_t i = 0; i < count; i++) {
        int32_t character = text[i].character;
        clause |= character == CLAUSE;
        if (character == CLAUSE || character == SEPARATOR)
            continue;
        if (clause && length && length < WORD_MAX)
            out[length++] = CLAUSE;
        clause = false;
        if (length < WORD_MAX)
            out[length++] = character;
    }
    return length;
}

void sensitive_begin(void)
{
    list_free(&coming);
}

bool sensitive_add(const char *word)
{
    struct folded text[WORD_MAX];
    int32_t characters[WORD_MAX];
    size_t folded = fold_text(word, text, WORD_MAX), length = word_characters(text, folded, characters), byte;
    uint64_t hash = 0;
    uint8_t bit;

    if (length == 0)
        return true;
    if (!list_grow(&coming))
        return false;
    for (size_t i = 0; i < length; i++) {
        hash = mix(hash, characters[i]);
        pair_of(hash, &byte, &bit);
        if (i == 1)
            coming.pairs[byte] |= bit;
    }
    size_t slot = slot_of(&coming, hash);
    coming.count += !coming.hashes[slot];
    coming.hashes[slot] = hash;
    coming.lengths[length] = true;
    coming.longest = length > coming.longest ? length : coming.longest;
    return true;
}

void sensitive_use(void)
{
    list_free(&current);
    current = coming;
    coming = (struct list){0};
}

/* A word of ASCII letters and digits must not continue on either side. */
static bool stands_alone(const struct folded *text, size_t count, size_t first, size_t last)
{
    return (first == 0 || !is_ascii_word(text[first - 1].character)) &&
           (last + 1 == count || !is_ascii_word(text[last + 1].character));
}

/* The places of the characters that are not skipped as separators, and of a row of clause marks the first; and behind
 * which of them too many were skipped for a word to go on. */
static size_t kept[TEXT_MAX];
static bool cut[TEXT_MAX];

static size_t keep(const struct folded *text, size_t count)
{
    size_t read = 0, skipped = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i].character == SEPARATOR) {
            skipped++;
            continue;
        }
        if (text[i].character == CLAUSE && read > 0 && text[kept[read - 1]].character == CLAUSE)
            continue;
        cut[read] = skipped > SEPARATORS_MAX;
        skipped = 0;
        kept[read++] = i;
    }
    return read;
}

static bool pair_begins(uint64_t hash)
{
    size_t byte;
    uint8_t bit;

    pair_of(hash, &byte, &bit);
    return current.pairs[byte] & bit;
}

/* Marks the bytes of every word that begins at that one of the characters kept in stars, if given; true when one does. */
static bool scan_from(const struct folded *text, size_t count, size_t begin, size_t read, bool *stars)
{
    uint64_t hash = 0;
    bool ascii = true, found = false;

    for (size_t length = 1; length <= current.longest && begin + length <= read; length++) {
        size_t last = kept[begin + length - 1];
        int32_t character = text[last].character;
        if (length > 1 && cut[begin + length - 1])
            break;
        hash = mix(hash, character);
        ascii &= character == CLAUSE || is_ascii_word(character);
        if (length == 2 && !pair_begins(hash))
            break;
        if (!current.lengths[length] || !current.hashes[slot_of(&current, hash)] ||
            (ascii && !stands_alone(text, count, kept[begin], last)))
            continue;
        if (!stars)
            return true;
        found = true;
        memset(stars + kept[begin], true, last - kept[begin] + 1);
    }
    return found;
}

static bool scan(const struct folded *text, size_t count, bool *stars)
{
    size_t read = keep(text, count);
    bool found = false;

    for (size_t begin = 0; begin < read && (stars || !found); begin++)
        found |= scan_from(text, count, begin, read, stars);
    return found;
}

bool sensitive_found(const char *text)
{
    static struct folded folded[TEXT_MAX];

    return current.count && scan(folded, fold_text(text, folded, TEXT_MAX), NULL);
}

/* Each original character that gave a starred one becomes one '*'. */
static void write_stars(char *text, const struct folded *folded, size_t count, const bool *stars)
{
    size_t out = 0, in = 0, length = strlen(text);

    for (size_t i = 0; i < count; i++) {
        if (!stars[i] || folded[i].from < in)
            continue;
        memmove(text + out, text + in, folded[i].from - in);
        out += folded[i].from - in;
        text[out++] = '*';
        in = folded[i].to;
    }
    memmove(text + out, text + in, length - in + 1);
}

bool sensitive_star(char *text)
{
    static struct folded folded[TEXT_MAX];
    static bool stars[TEXT_MAX];

    if (!current.count)
        return false;
    size_t count = fold_text(text, folded, TEXT_MAX);
    memset(stars, false, count);
    if (!scan(folded, count, stars))
        return false;
    write_stars(text, folded, count, stars);
    return true;
}
