#include "captcha.h"
#include "base/base64.h"
#include "base/code.h"
#include "base/config.h"
#include "base/json.h"
#include "base/log.h"
#include "serve/reply.h"
#include "serve/rows.h"
#include "serve/transaction.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_TRIGONOMETRY_H
#include <gcrypt.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

struct call captcha_create_call = {.text = "session_captcha_create(:answer)"};

enum { LINES = 5, DOTS = 200, MARGIN = 4, EDGE = 1, GROUND = 240, DPI = 96 };

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

/* Opened by the first captcha, and kept.  NULL: it cannot be read. */
static FT_Face font(void)
{
    static FT_Library library;
    static FT_Face face;
    const char *path = config_text("IM_CAPTCHA_FONT", "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf");

    if (!face && ((!library && FT_Init_FreeType(&library)) || FT_New_Face(library, path, 0, &face))) {
        log_error("could not draw a captcha with %s", path);
        face = NULL;
    }
    return face;
}

/* The letter's picture, of its size and turned; the font's until the next.  NULL: the font does not have it. */
static const FT_Bitmap *picture_of(FT_Face face, const struct captcha_letter *l)
{
    FT_Vector unit;

    FT_Vector_Unit(&unit, l->turn * (FT_Angle)65536);
    FT_Matrix turned = {unit.x, -unit.y, unit.y, unit.x};
    FT_Set_Transform(face, &turned, NULL);
    if (FT_Set_Char_Size(face, 0, l->points * (FT_F26Dot6)64, DPI, DPI) ||
        FT_Load_Char(face, (FT_ULong)l->letter, FT_LOAD_RENDER | FT_LOAD_NO_HINTING))
        return NULL;
    return &face->glyph->bitmap;
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

/* Ink is dark, noise is light: people tell them apart, and programs have to. */
static unsigned char shade(int from, int to)
{
    return (unsigned char)(from + draw(to - from));
}

static void draw_line(unsigned char image[static CAPTCHA_HEIGHT][CAPTCHA_WIDTH], unsigned char colour)
{
    int x = draw(CAPTCHA_WIDTH), y = draw(CAPTCHA_HEIGHT);
    int across = draw(CAPTCHA_WIDTH) - x, down = draw(CAPTCHA_HEIGHT) - y;
    int steps = 1 + (abs(across) > abs(down) ? abs(across) : abs(down));

    for (int i = 0; i < steps; i++)
        image[y + down * i / steps][x + across * i / steps] = colour;
}

static void draw_noise(unsigned char image[static CAPTCHA_HEIGHT][CAPTCHA_WIDTH])
{
    for (int i = 0; i < LINES; i++) {
        unsigned char colour = shade(130, 210);
        draw_line(image, colour);
        for (int n = 0; n < DOTS / LINES; n++)
            image[draw(CAPTCHA_HEIGHT)][draw(CAPTCHA_WIDTH)] = colour;
    }
}

/* Of a pixel that the letter covers in part, what is below shows through. */
static void draw_letter(unsigned char image[static CAPTCHA_HEIGHT][CAPTCHA_WIDTH], const FT_Bitmap *picture,
                        const struct captcha_letter *l)
{
    int ink = shade(0, 110);

    for (int y = 0; y < (int)picture->rows; y++)
        for (int x = 0; x < (int)picture->width; x++) {
            unsigned char *pixel = &image[l->y + EDGE + y][l->x + EDGE + x];
            *pixel = (unsigned char)(*pixel + (ink - *pixel) * picture->buffer[y * picture->pitch + x] / 255);
        }
}

bool captcha_place(const char *answer, struct captcha_letter places[static CAPTCHA_LENGTH])
{
    FT_Face face = font();

    for (int i = 0; i < CAPTCHA_LENGTH; i++) {
        struct captcha_letter *l = &places[i];
        *l = (struct captcha_letter){.letter = answer[i], .points = 20 + draw(5), .turn = draw(41) - 20};
        const FT_Bitmap *picture = face ? picture_of(face, l) : NULL;
        if (!picture)
            return false;
        l->width = (int)picture->width + 2 * EDGE, l->height = (int)picture->rows + 2 * EDGE;
    }
    place_letters(places);
    return true;
}

static char *picture_text(const unsigned char image[static CAPTCHA_HEIGHT][CAPTCHA_WIDTH])
{
    unsigned char file[2 * CAPTCHA_HEIGHT * CAPTCHA_WIDTH];
    png_alloc_size_t size = sizeof file;
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = CAPTCHA_WIDTH,
                     .height = CAPTCHA_HEIGHT,
                     .format = PNG_FORMAT_GRAY,
                     .flags = PNG_IMAGE_FLAG_FAST};

    return png_image_write_to_memory(&png, file, &size, 0, image, 0, NULL) ? base64_text(file, size) : NULL;
}

char *captcha_draw(char answer[static CAPTCHA_LENGTH + 1])
{
    struct captcha_letter places[CAPTCHA_LENGTH];
    unsigned char image[CAPTCHA_HEIGHT][CAPTCHA_WIDTH];

    draw_answer(answer);
    if (!captcha_place(answer, places))
        return NULL;
    memset(image, GROUND, sizeof image);
    draw_noise(image);
    for (int i = 0; i < CAPTCHA_LENGTH; i++) {
        const FT_Bitmap *picture = picture_of(font(), &places[i]);
        if (!picture)
            return NULL;
        draw_letter(image, picture, &places[i]);
    }
    return picture_text(image);
}

/* Answers {captchaId, captchaImage}; the picture was drawn before its answer was stored. */
static void answer_picture(struct request *r, const PGresult *rows)
{
    json_grow(&r->answer, "{\"captchaId\":");
    rows_grow_cell(&r->answer, rows, 0, 0);
    json_grow(&r->answer, ",\"captchaImage\":");
    json_grow_string(&r->answer, request_value(r, "image"));
    obstack_grow0(&r->answer, "}", 1);
    reply_data(r, obstack_finish(&r->answer));
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
    transaction_call(r, &captcha_create_call, answer_picture);
}
