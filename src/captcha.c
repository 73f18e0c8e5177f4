#include "captcha.h"
#include "base64.h"
#include "config.h"
#include "log.h"

#include <gcrypt.h>
#include <gd.h>
#include <stdbool.h>

enum { WIDTH = 150, HEIGHT = 50, LINES = 6, DOTS = 200 };

static const char letters[] = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";

/* Uniform in [0, below): values of the last incomplete round are drawn again. */
static int draw(int below)
{
    unsigned char byte;
    int limit = 256 - 256 % below;

    do
        gcry_create_nonce(&byte, 1);
    while (byte >= limit);
    return byte % below;
}

static void draw_answer(char answer[static CAPTCHA_LENGTH + 1])
{
    unsigned char bytes[CAPTCHA_LENGTH];

    for (int i = 0; i < CAPTCHA_LENGTH; i++) {
        do
            gcry_randomize(&bytes[i], 1, GCRY_STRONG_RANDOM);
        while (bytes[i] >= 256 - 256 % (sizeof letters - 1));
        answer[i] = letters[bytes[i] % (sizeof letters - 1)];
    }
    answer[CAPTCHA_LENGTH] = '\0';
}

static int dark(gdImagePtr image)
{
    return gdImageColorAllocate(image, draw(120), draw(120), draw(120));
}

static bool draw_letters(gdImagePtr image, const char *answer)
{
    char *font = (char *)config_text("IM_CAPTCHA_FONT", "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf");
    int box[8];

    for (int i = 0; i < CAPTCHA_LENGTH; i++) {
        char letter[2] = {answer[i], '\0'};
        double angle = (draw(61) - 30) / 57.3;
        const char *wrong = gdImageStringFT(image, box, dark(image), font, 20 + draw(8), angle,
                                            8 + i * (WIDTH - 16) / CAPTCHA_LENGTH + draw(6), 34 + draw(8), letter);
        if (wrong) {
            log_error("could not draw a captcha with %s: %s", font, wrong);
            return false;
        }
    }
    return true;
}

static void draw_noise(gdImagePtr image)
{
    for (int i = 0; i < DOTS; i++)
        gdImageSetPixel(image, draw(WIDTH), draw(HEIGHT), dark(image));
    for (int i = 0; i < LINES; i++)
        gdImageLine(image, draw(WIDTH), draw(HEIGHT), draw(WIDTH), draw(HEIGHT), dark(image));
}

char *captcha_draw(char answer[static CAPTCHA_LENGTH + 1])
{
    gdImagePtr image = gdImageCreateTrueColor(WIDTH, HEIGHT);
    char *text = NULL;
    int size;

    if (!image)
        return NULL;
    draw_answer(answer);
    gdImageFilledRectangle(image, 0, 0, WIDTH, HEIGHT, gdImageColorAllocate(image, 240, 240, 240));
    draw_noise(image);
    if (draw_letters(image, answer)) {
        void *png = gdImagePngPtr(image, &size);
        text = png ? base64_text(png, (size_t)size) : NULL;
        gdFree(png);
    }
    gdImageDestroy(image);
    return text;
}
