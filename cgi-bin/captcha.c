#include "captcha.h"
#include "base/base64.h"
#include "base/code.h"
#include "base/config.h"
#include "base/json.h"
#include "base/log.h"
#include "serve/reply.h"
#include "serve/serve.h"

#include <gcrypt.h>

struct call captcha_create_call = {.text = "session_captcha_create(:answer)"};

enum { LINES = 5, DOTS = 200, MARGIN = 4, CELL = 64 };

/* None of O and 0, I and 1, Z and 2, S and 5, B and 8, which look alike. */
static const char letters[] = "ACDEFGHJKLMNPQRTUVWXY34679";

/* Uniform in [0, below), 0 when that is nothing: values of the last incomplete round are drawn again. */
static int draw(int below)
{
    unsigned char byte;
    int limit = below > 0 ? 256 - 256 % below : 0;

    if (limit == 0)
        return 0;
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

static int smallest(const int box[static 8], int axis)
{
    int least = box[axis];

    for (int corner = 1; corner < 4; corner++)
        least = box[2 * corner + axis] < least ? box[2 * corner + axis] : least;
    return least;
}

static int greatest(const int box[static 8], int axis)
{
    int most = box[axis];

    for (int corner = 1; corner < 4; corner++)
        most = box[2 * corner + axis] > most ? box[2 * corner + axis] : most;
    return most;
}

/* Draws it in a cell of the sheet, and says in places where it is there; an edge of one pixel is for what is smoothed. */
static bool write_letter(gdImagePtr sheet, int colour, int cell, struct captcha_letter *l)
{
    char *font = (char *)config_text("IM_CAPTCHA_FONT", "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf");
    char text[2] = {l->letter, '\0'};
    int box[8];
    const char *wrong = gdImageStringFT(sheet, box, colour, font, 20 + draw(5), (draw(41) - 20) / 57.3,
                                        cell * CELL + CELL / 4, CAPTCHA_HEIGHT * 2 / 3, text);

    if (wrong) {
        log_error("could not draw a captcha with %s: %s", font, wrong);
        return false;
    }
    l->from_x = smallest(box, 0) - 1, l->from_y = smallest(box, 1) - 1;
    l->width = greatest(box, 0) + 2 - l->from_x, l->height = greatest(box, 1) + 2 - l->from_y;
    return true;
}

/* What is left of the width when all letters stand side by side is drawn into the gaps before them. */
static void place_letters(struct captcha_letter places[static CAPTCHA_LENGTH])
{
    int room = CAPTCHA_WIDTH - 2 * MARGIN, x = MARGIN;

    for (int i = 0; i < CAPTCHA_LENGTH; i++)
        room -= places[i].width;
    for (int i = 0; i < CAPTCHA_LENGTH; i++) {
        int gap = draw(room / (CAPTCHA_LENGTH - i) + 1);
        places[i].x = x + gap;
        places[i].y = draw(CAPTCHA_HEIGHT - places[i].height + 1);
        x += gap + places[i].width;
        room -= gap;
    }
}

/* Ink is dark, noise is light: people tell them apart, and programs have to.  Where there is no colour left it is like one
 * that there is: a palette is written as PNG in a seventh of the time. */
static int shade(gdImagePtr image, int from, int to)
{
    return gdImageColorResolve(image, from + draw(to - from), from + draw(to - from), from + draw(to - from));
}

static void draw_noise(gdImagePtr image)
{
    for (int i = 0; i < LINES; i++) {
        int colour = shade(image, 130, 210);
        gdImageLine(image, draw(CAPTCHA_WIDTH), draw(CAPTCHA_HEIGHT), draw(CAPTCHA_WIDTH), draw(CAPTCHA_HEIGHT), colour);
        for (int n = 0; n < DOTS / LINES; n++)
            gdImageSetPixel(image, draw(CAPTCHA_WIDTH), draw(CAPTCHA_HEIGHT), colour);
    }
}

bool captcha_write(const char *answer, gdImagePtr sheet, struct captcha_letter places[static CAPTCHA_LENGTH])
{
    for (int i = 0; i < CAPTCHA_LENGTH; i++) {
        places[i] = (struct captcha_letter){.letter = answer[i]};
        if (!write_letter(sheet, sheet ? shade(sheet, 0, 110) : 0, i, &places[i]))
            return false;
    }
    place_letters(places);
    return true;
}

/* An empty picture: the first colour is the ground. */
static gdImagePtr blank(int width)
{
    gdImagePtr image = gdImageCreate(width, CAPTCHA_HEIGHT);

    if (image)
        gdImageColorAllocate(image, 240, 240, 240);
    return image;
}

char *captcha_draw(char answer[static CAPTCHA_LENGTH + 1])
{
    struct captcha_letter places[CAPTCHA_LENGTH];
    gdImagePtr image = blank(CAPTCHA_WIDTH), sheet = blank(CELL * CAPTCHA_LENGTH);
    void *png = NULL;
    char *text = NULL;
    int size;

    draw_answer(answer);
    if (!image || !sheet || !captcha_write(answer, sheet, places))
        goto out;
    draw_noise(image);
    gdImageColorTransparent(sheet, 0);
    for (int i = 0; i < CAPTCHA_LENGTH; i++)
        gdImageCopy(image, sheet, places[i].x, places[i].y, places[i].from_x, places[i].from_y, places[i].width,
                    places[i].height);
    png = gdImagePngPtr(image, &size);
    text = png ? base64_text(png, (size_t)size) : NULL;
out:
    gdFree(png);
    if (sheet)
        gdImageDestroy(sheet);
    if (image)
        gdImageDestroy(image);
    return text;
}

/* Answers {captchaId, captchaImage}; the picture was drawn before its answer was stored. */
static void answer_picture(struct request *r, const PGresult *rows)
{
    json_grow(&r->pool, "{\"captchaId\":");
    reply_grow_cell(&r->pool, rows, 0, 0);
    json_grow(&r->pool, ",\"captchaImage\":");
    json_grow_string(&r->pool, request_value(r, "image"));
    obstack_grow0(&r->pool, "}", 1);
    reply_data(r, obstack_finish(&r->pool));
}

void captcha_create(struct request *r, const PGresult *rows)
{
    char answer[CAPTCHA_LENGTH + 1], *image = captcha_draw(answer);

    (void)rows;
    if (!image) {
        reply_code(r, CODE_INTERNAL, NULL);
        return;
    }
    request_set(r, "image", image);
    request_set(r, "answer", answer);
    free(image);
    serve_call(r, &captcha_create_call, answer_picture);
}
