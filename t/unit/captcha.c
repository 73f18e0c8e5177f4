/*
 * Captchas: which characters there are, that none touches another or the edge, and what one costs.
 * With names of files it writes pictures to look at, and their answers.
 */
#include "base/base64.h"
#include "cgi-bin/captcha.h"

#include <gcrypt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

enum { PICTURES = 200 };

static bool apart(const struct captcha_letter *places)
{
    int free_from = 0;

    for (int i = 0; i < CAPTCHA_LENGTH; i++) {
        const struct captcha_letter *l = &places[i];
        if (l->x < free_from || l->y < 0 || l->y + l->height > CAPTCHA_HEIGHT)
            return false;
        free_from = l->x + l->width;
    }
    return free_from <= CAPTCHA_WIDTH;
}

static void check_places(void)
{
    static const char *const answers[] = {"WWWWW", "MMMMM", "JJJJJ", "QWMQW", "AC7Y4"};
    struct captcha_letter places[CAPTCHA_LENGTH];

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        int good = 0;
        for (int n = 0; n < PICTURES; n++)
            good += captcha_place(answers[i], places) && apart(places);
        ok(good == PICTURES, "%s: none touches another or the edge in %d of %d pictures", answers[i], good, PICTURES);
    }
}

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double least(double one, double other)
{
    return one < other ? one : other;
}

/* Under valgrind and the sanitizers time says nothing. */
static bool measured(void)
{
#ifdef __SANITIZE_ADDRESS__
    return false;
#else
    const char *preloaded = getenv("LD_PRELOAD");

    return !preloaded || !strstr(preloaded, "vgpreload");
#endif
}

static void check_pictures(void)
{
    char answer[CAPTCHA_LENGTH + 1], all[PICTURES * CAPTCHA_LENGTH + 1] = "", last[CAPTCHA_LENGTH + 1] = "";
    bool png = true, other = true;
    double spent = 1e9; /* the least of all, for others use the machine */

    free(captcha_draw(answer)); /* reads the font */
    for (int i = 0; i < PICTURES; i++) {
        double start = milliseconds();
        char *text = captcha_draw(answer);
        spent = least(spent, milliseconds() - start);
        png = png && text && strncmp(text, "iVBORw0KGgo", 11) == 0;
        other = other && strcmp(answer, last) != 0;
        memcpy(all + (size_t)i * CAPTCHA_LENGTH, answer, sizeof answer);
        memcpy(last, answer, sizeof answer);
        free(text);
    }
    ok(png, "each is a PNG");
    ok(other, "each has another answer");
    ok(strlen(all) == PICTURES * CAPTCHA_LENGTH && !strpbrk(all, "O0I1Z2S5B8"),
       "without O and 0, I and 1, Z and 2, S and 5, B and 8");
    ok(strspn(all, "ACDEFGHJKLMNPQRTUVWXY34679") == strlen(all), "capitals and digits");
    ok(!measured() || spent < 2, "one takes less than 2 ms of CPU: %.2f", spent);
}

static int write_pictures(char **names)
{
    char answer[CAPTCHA_LENGTH + 1];
    unsigned char png[65536];

    for (; *names; names++) {
        char *text = captcha_draw(answer);
        FILE *file = text ? fopen(*names, "wb") : NULL;
        if (!file)
            return EXIT_FAILURE;
        fwrite(png, 1, base64_decode(text, png, sizeof png), file);
        fclose(file);
        free(text);
        printf("%s %s\n", *names, answer);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    gcry_check_version(NULL);
    if (argc > 1)
        return write_pictures(argv + 1);
    check_places();
    check_pictures();
    return done_testing();
}
