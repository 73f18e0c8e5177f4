/*
 * Captcha pictures: a few turned characters as a PNG, for people and not for programs.  No two of them touch, and none
 * can be taken for another.  A part of the programs session and backstage.
 */
#ifndef IM_CAPTCHA_H
#define IM_CAPTCHA_H

#include "base/must.h"
#include "serve/request.h"

#include <stdbool.h>

enum { CAPTCHA_LENGTH = 5, CAPTCHA_WIDTH = 240, CAPTCHA_HEIGHT = 70 };

/* How a character is drawn, points high and turned to the left by so many degrees, and where it goes in the picture, in
 * pixels. */
struct captcha_letter {
    char letter;
    int points, turn, x, y, width, height;
};

/* Draws a random answer (capitals and digits that cannot be mistaken for one another) and writes it to answer.
 * Returns the PNG as base64 text, which the caller frees, or NULL: the font of IM_CAPTCHA_FONT cannot be read, or
 * there is no memory. */
MUST_USE char *captcha_draw(char answer[static CAPTCHA_LENGTH + 1]);

/* Chooses for these characters how they are drawn and where: each within the picture and clear of the others.  False:
 * the font cannot be read. */
MUST_USE bool captcha_place(const char *answer, struct captcha_letter places[static CAPTCHA_LENGTH]);

/* Handler of GET /captcha: draws one, and answers {captchaId, captchaImage}.  Its call belongs into the program's calls. */
void captcha_create(struct request *r, const PGresult *rows);
extern struct call captcha_create_call;

#endif
