#include "words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { SEPARATORS_MAX = 3, FOLDED_MAX = 4, TEXT_MAX = 4096 * FOLDED_MAX, ROOT = 0 };

/* A node is a prefix of words. */
struct node {
    uint32_t fail;    /* the longest proper suffix that is a prefix too */
    uint32_t output;  /* the nearest suffix, this one included, that is a word; ROOT when none */
    uint16_t length;  /* characters of the prefix */
    bool word, ascii; /* this prefix is a word; of ASCII letters and digits only */
};

/* Edges of all nodes in one open-addressing table: (parent, character) -> child. */
struct edge {
    uint32_t parent, child;
    int32_t character;
};

struct automaton {
    struct node *nodes;
    struct edge *edges;
    uint32_t node_count, edge_mask;
};

static struct automaton current;

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
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO:
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
    case '\n': case '\v': case '\f': case '\r': case 0x85: case 0x2028: case 0x2029:
    case ',': case ';': case ':': case '!': case '?': case 0x3001: case 0x3002: /* full width folds to these */
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

static uint32_t edge_slot(const struct automaton *a, uint32_t parent, int32_t character)
{
    uint64_t key = ((uint64_t)parent << 32 | (uint32_t)character) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t slot = (uint32_t)(key >> 32) & a->edge_mask;

    while (a->edges[slot].child &&
           (a->edges[slot].parent != parent || a->edges[slot].character != character))
        slot = (slot + 1) & a->edge_mask;
    return slot;
}

static uint32_t child(const struct automaton *a, uint32_t parent, int32_t character)
{
    return a->edges[edge_slot(a, parent, character)].child;
}

/* The state after one more character: the longest suffix of what was read that is a prefix of a word. */
static uint32_t step(const struct automaton *a, uint32_t state, int32_t character)
{
    for (;;) {
        uint32_t next = child(a, state, character);
        if (next || state == ROOT)
            return next;
        state = a->nodes[state].fail;
    }
}

static uint32_t add_character(struct automaton *a, uint32_t state, int32_t character)
{
    uint32_t slot = edge_slot(a, state, character);

    if (!a->edges[slot].child) {
        a->edges[slot] = (struct edge){state, a->node_count, character};
        a->nodes[a->node_count] = (struct node){.length = (uint16_t)(a->nodes[state].length + 1)};
        a->node_count++;
    }
    return a->edges[slot].child;
}

/* Of clause marks between its letters each row is one character, as it is in texts; those around it are not the word's. */
static void add_word(struct automaton *a, const struct folded *text, size_t count)
{
    uint32_t state = ROOT;
    bool ascii = true, clause = false;

    for (size_t i = 0; i < count; i++) {
        int32_t character = text[i].character;
        clause |= character == CLAUSE;
        if (character == CLAUSE || character == SEPARATOR)
            continue;
        if (clause && state != ROOT)
            state = add_character(a, state, CLAUSE);
        clause = false;
        ascii &= is_ascii_word(character);
        state = add_character(a, state, character);
    }
    a->nodes[state].word = state != ROOT;
    a->nodes[state].ascii = ascii;
}

static int by_depth(const void *one, const void *other)
{
    const struct edge *a = one, *b = other;
    const struct node *nodes = current.nodes;

    return (int)nodes[a->child].length - (int)nodes[b->child].length;
}

/* Fail and output links, nodes of smaller depth first; false when there is no memory. */
static bool link_nodes(struct automaton *a)
{
    struct edge *order = calloc(a->node_count, sizeof *order);
    size_t n = 0;

    if (!order)
        return false;
    for (uint32_t slot = 0; slot <= a->edge_mask; slot++)
        if (a->edges[slot].child)
            order[n++] = a->edges[slot];
    qsort(order, n, sizeof *order, by_depth);
    for (size_t i = 0; i < n; i++) {
        struct node *node = &a->nodes[order[i].child];
        if (order[i].parent != ROOT)
            node->fail = step(a, a->nodes[order[i].parent].fail, order[i].character);
        node->output = node->word ? order[i].child : a->nodes[node->fail].output;
    }
    free(order);
    return true;
}

static void words_free(struct automaton *a)
{
    free(a->nodes);
    free(a->edges);
}

bool words_replace(const char *const *words, size_t count)
{
    struct automaton before = current;
    struct folded text[256];
    size_t characters = 1;
    uint32_t slots = 16;

    for (size_t i = 0; i < count; i++)
        characters += strlen(words[i]) * 2; /* folding may lengthen, but never beyond this for any word list seen */
    while (slots < characters * 2)
        slots *= 2;
    current = (struct automaton){
        .nodes = calloc(characters + 1, sizeof(struct node)),
        .edges = calloc(slots, sizeof(struct edge)),
        .node_count = 1,
        .edge_mask = slots - 1,
    };
    bool built = current.nodes && current.edges;
    for (size_t i = 0; built && i < count; i++) {
        size_t n = fold_text(words[i], text, sizeof text / sizeof *text);
        if (current.node_count + n <= characters)
            add_word(&current, text, n);
    }
    built = built && link_nodes(&current);
    words_free(built ? &before : &current);
    if (!built)
        current = before;
    return built;
}

/* A word of ASCII letters and digits must not continue on either side. */
static bool stands_alone(const struct folded *text, size_t count, size_t first, size_t last)
{
    return (first == 0 || !is_ascii_word(text[first - 1].character)) &&
           (last + 1 == count || !is_ascii_word(text[last + 1].character));
}

/* Walks over the text; kept[] are the places of the characters that were not skipped as separators, and of a row of
 * clause marks the first.  Marks the bytes of every word found in stars, if given; true when one was found. */
static bool scan(const struct folded *text, size_t count, bool *stars)
{
    static size_t kept[TEXT_MAX];
    size_t read = 0, skipped = 0;
    uint32_t state = ROOT;
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        if (text[i].character == SEPARATOR) {
            if (++skipped > SEPARATORS_MAX)
                state = ROOT;
            continue;
        }
        if (text[i].character == CLAUSE && read > 0 && text[kept[read - 1]].character == CLAUSE)
            continue;
        skipped = 0;
        kept[read++] = i;
        state = step(&current, state, text[i].character);
        for (uint32_t word = current.nodes[state].output; word != ROOT;
             word = current.nodes[current.nodes[word].fail].output) {
            size_t first = kept[read - current.nodes[word].length];
            if (current.nodes[word].ascii && !stands_alone(text, count, first, i))
                continue;
            found = true;
            if (!stars)
                return true;
            memset(stars + first, true, i - first + 1);
        }
    }
    return found;
}

bool words_found(const char *text)
{
    static struct folded folded[TEXT_MAX];

    return current.node_count > 1 && scan(folded, fold_text(text, folded, TEXT_MAX), NULL);
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

bool words_star(char *text)
{
    static struct folded folded[TEXT_MAX];
    static bool stars[TEXT_MAX];

    if (current.node_count <= 1)
        return false;
    size_t count = fold_text(text, folded, TEXT_MAX);
    memset(stars, false, count);
    if (!scan(folded, count, stars))
        return false;
    write_stars(text, folded, count, stars);
    return true;
}
