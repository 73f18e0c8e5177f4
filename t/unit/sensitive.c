/*
 * The sensitive-word filter: what it finds however it is dressed, what it leaves alone, and how fast.
 */
#include "base/sensitive.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

static void replace(const char *const *words, size_t count)
{
    sensitive_begin();
    for (size_t i = 0; i < count; i++)
        if (!sensitive_add(words[i]))
            exit(EXIT_FAILURE);
    sensitive_use();
}

static void starred(const char *text, const char *wanted)
{
    char copy[512];

    snprintf(copy, sizeof copy, "%s", text);
    sensitive_star(copy);
    ok(strcmp(copy, wanted) == 0, "%s becomes %s%s%s", text, wanted, strcmp(copy, wanted) ? ", not " : "",
       strcmp(copy, wanted) ? copy : "");
}

static double microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double microseconds_per_scan(const char *text, int rounds)
{
    double start = microseconds();

    for (int i = 0; i < rounds; i++)
        if (sensitive_found(text))
            exit(EXIT_FAILURE);
    return (microseconds() - start) / rounds;
}

/* Nobody's request waits for a list that is being made; and what a list costs is what malloc() gave out for it. */
static void check_making(const char *const *words, size_t count)
{
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    double slowest = 0;

    sensitive_begin();
    for (size_t i = 0; i < count;) {
        double start = microseconds();
        for (size_t end = i + 1000; i < end && i < count; i++)
            if (!sensitive_add(words[i]))
                exit(EXIT_FAILURE);
        slowest = microseconds() - start > slowest ? microseconds() - start : slowest;
    }
    sensitive_use();
    if (!under_valgrind())
        ok(slowest < 5000, "a thousand words are added in less than 5 ms: %.0f microseconds", slowest);
    size_t kept = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    ok(kept < 800 * 1024, "fifty thousand take less than 800 KiB: %zu", kept / 1024);
}

/* At every place words of every length are looked for. */
static void check_worst(void)
{
    static char text[4096 * 3 + 1], word[64];

    sensitive_begin();
    for (int length = 1; length <= 50; length++) {
        snprintf(word, sizeof word, "%.*s", length, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        word[length - 1] = 'b';
        if (!sensitive_add(word))
            exit(EXIT_FAILURE);
    }
    sensitive_use();
    memset(text, 'a', 4096);
    double spent = microseconds_per_scan(text, 20);
    if (!under_valgrind())
        ok(spent < 5000, "the longest message takes less than 5 ms against words that all but fit: %.0f microseconds", spent);
}

/* Fifty thousand words of two to five Han characters, the same at every run. */
static void check_speed(void)
{
    enum { WORDS = 50000 };
    static char text[WORDS][20];
    static const char *words[WORDS];
    unsigned seed = 1;

    for (int i = 0; i < WORDS; i++) {
        char *at = text[i];
        for (int n = 2 + i % 4; n > 0; n--) {
            seed = seed * 1103515245 + 12345;
            unsigned point = 0x4e00 + (seed >> 8) % 0x5000;
            *at++ = (char)(0xe0 | point >> 12);
            *at++ = (char)(0x80 | (point >> 6 & 63));
            *at++ = (char)(0x80 | (point & 63));
        }
        words[i] = text[i];
    }
    replace(NULL, 0);
    check_making(words, WORDS);
    ok(sensitive_found(text[123]) && sensitive_found(text[49999]), "fifty thousand words are all in the list");
    double spent = microseconds_per_scan("今天天气很好，我们下午三点在公司门口见面，然后一起去吃晚饭怎么样？好的没问题。", 20000);
    if (!under_valgrind())
        ok(spent < 50, "a message takes less than 50 microseconds against them: %.2f", spent);
}

/* What ends a clause or a line separates words; a word may have one itself. */
static void check_clauses(void)
{
    static const char *const list[] = {"大麻", "foobar", "要发票，找我", "，坏词！"};
    static const char *const ends[] = {"，", ",", "。", "、", "；",   "：",   "！",
                                       "？", "?", ". ", "\n", "\r\n", " \n ", "\xe2\x80\xa8"};
    char text[64] = "要发票!!\n找我";

    replace(list, sizeof list / sizeof *list);
    ok(sensitive_star(text) && strcmp(text, "********") == 0, "a word with such a mark is found across a row of them");
    starred("这件事很大，麻烦", "这件事很大，麻烦");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(text, sizeof text, "很大%s麻烦", ends[i]);
        ok(!sensitive_found(text), "end %zu of clauses and lines separates words", i);
    }
    starred("大-麻", "***");
    starred("很大.麻烦", "很***烦");
    starred("I see foo. Bar is closed", "I see foo. Bar is closed");
    starred("foo.bar", "*******");
    starred("要发票，找我", "******");
    starred("要发票找我", "要发票找我");
    starred("坏词", "**");
    starred("你，坏词！", "你，**！");
}

/* Marks that make another character of one. */
static void check_marks(void)
{
    static const char *const list[] = {"ばか", "はか", "パパ", "한구"};

    replace(list, sizeof list / sizeof *list);
    starred("はがき", "はがき");
    starred("ばか", "**");
    starred("は\xe3\x82\x99か", "**");
    starred("はか", "**");
    starred("はが", "はが");
    starred("はか\xe3\x82\x99", "はか\xe3\x82\x99");
    starred("ハハ ババ", "ハハ ババ");
    starred("ﾊﾟﾊﾟ", "**");
    starred("한국", "한국");
    starred("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xae", "**");
}

int main(void)
{
    static const char *const list[] = {"赌博", "赌博网站", "ass", "Foo-Bar", "发票", "", "!!!", "café"};

    ok(!sensitive_found("赌博"), "an empty list finds nothing");
    replace(list, sizeof list / sizeof *list);
    starred("你好", "你好");
    starred("赌博", "**");
    starred("来赌博吧", "来**吧");
    starred("赌博网站好", "****好");
    starred("赌 博", "***");
    starred("赌···博", "*****");
    starred("赌····博", "赌····博");
    starred("赌.博.网.站", "*******");
    starred("赌\xe2\x80\x8b博", "***");
    starred("ＡＳＳ", "***");
    starred("class", "class");
    starred("an ASS!", "an ***!");
    starred("f o o b a r", "***********");
    starred("FOOBAR", "******");
    starred("CAFÉ", "****");
    starred("cafe\xcc\x81", "****\xcc\x81");
    starred("!!!", "!!!");
    starred("开发票，赌博", "开**，**");
    ok(sensitive_found("代开发票") && !sensitive_found("开发"), "found or not, without change");
    check_clauses();
    check_marks();
    replace(NULL, 0);
    starred("赌博", "赌博");
    check_speed();
    check_worst();
    return done_testing();
}
