// QR codes (ISO/IEC 18004) of short texts: bytes, error correction level M, versions 1 to 10, which holds 213 bytes.

// Of each version: bytes of error correction in a block, and how many blocks there are of how many bytes.
const BLOCKS = [null, [10, [1, 16]], [16, [1, 28]], [26, [1, 44]], [18, [2, 32]], [24, [2, 43]], [16, [4, 27]], [18, [4, 31]], [22, [2, 38], [2, 39]], [22, [3, 36], [2, 37]], [26, [4, 43], [1, 44]]];
const ALIGNED = [null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];
const MASKS = [
    (x, y) => (x + y) % 2, (x, y) => y % 2, x => x % 3, (x, y) => (x + y) % 3, (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
    (x, y) => x * y % 2 + x * y % 3, (x, y) => (x * y % 2 + x * y % 3) % 2, (x, y) => ((x + y) % 2 + x * y % 3) % 2,
];

// Multiplication in the field of 256 elements, by x^8 + x^4 + x^3 + x^2 + 1.
function times(a, b) {
    let product = 0;
    for (let bit = 7; bit >= 0; bit--)
        product = product << 1 ^ (product >> 7) * 0x11d ^ (b >> bit & 1) * a;
    return product;
}

// The remainder of the data by the generator of that degree.
function correction(data, degree) {
    let generator = [1];
    for (let root = 1, n = 0; n < degree; n++, root = times(root, 2))
        generator = [...generator, 0].map((one, i) => one ^ times(generator[i - 1] ?? 0, root));
    const rest = [...data, ...Array(degree).fill(0)];
    for (let i = 0; i < data.length; i++) {
        const factor = rest[i];
        generator.forEach((one, j) => { rest[i + j] ^= times(one, factor); });
    }
    return rest.slice(data.length);
}

const capacity = version => BLOCKS[version].slice(1).reduce((sum, [blocks, size]) => sum + blocks * size, 0);

// The text as the codewords that are drawn: mode, length, bytes, padding; blocks and their correction interleaved.
function codewords(text, version) {
    const given = [...new TextEncoder().encode(text)];
    const bits = [0, 1, 0, 0];
    const put = (value, count) => { for (let i = count - 1; i >= 0; i--) bits.push(value >> i & 1); };
    put(given.length, version < 10 ? 8 : 16);
    given.forEach(byte => put(byte, 8));
    const room = capacity(version);
    put(0, Math.min(4, room * 8 - bits.length));
    put(0, (8 - bits.length % 8) % 8);
    for (let pad = 0xec; bits.length < room * 8; pad ^= 0xec ^ 0x11)
        put(pad, 8);
    const data = Array.from({ length: room }, (none, i) => parseInt(bits.slice(i * 8, i * 8 + 8).join(''), 2));
    const [degree, ...groups] = BLOCKS[version];
    const blocks = groups.flatMap(([count, size]) => Array(count).fill(size)).map(size => data.splice(0, size));
    const weave = rows => Array.from({ length: Math.max(...rows.map(row => row.length)) }, (none, i) => rows.map(row => row[i])).flat().filter(byte => byte !== undefined);
    return [...weave(blocks), ...weave(blocks.map(block => correction(block, degree)))];
}

// The remainder of the bits by the polynomial, behind them.
function checked(bits, polynomial, length) {
    let rest = bits;
    for (let i = 0; i < length; i++)
        rest = rest << 1 ^ (rest >> length - 1) * polynomial;
    return bits << length | rest;
}

// Squares that are the same in every code of that version: grid[y][x] is 0 or 1, undefined where data belongs.
function frame(version) {
    const size = 17 + 4 * version;
    const grid = Array.from({ length: size }, () => Array(size));
    const block = (left, top, width, dark) => {
        for (let y = Math.max(top, 0); y < Math.min(top + width, size); y++)
            for (let x = Math.max(left, 0); x < Math.min(left + width, size); x++)
                grid[y][x] = dark;
    };
    const finder = (x, y) => [[-1, 9, 0], [0, 7, 1], [1, 5, 0], [2, 3, 1]].forEach(([at, width, dark]) => block(x + at, y + at, width, dark));
    const middles = ALIGNED[version];
    for (const y of middles)
        for (const x of middles)
            if (!(x === 6 && y === 6) && !(x === 6 && y === size - 7) && !(x === size - 7 && y === 6))
                [[2, 5, 1], [1, 3, 0], [0, 1, 1]].forEach(([out, width, dark]) => block(x - out, y - out, width, dark));
    for (let i = 0; i < size; i++)
        grid[6][i] = grid[i][6] = 1 - i % 2;
    finder(0, 0);
    finder(size - 7, 0);
    finder(0, size - 7);
    const number = version < 7 ? 0 : checked(version, 0x1f25, 12);
    for (let i = 0; i < 18 && number; i++)
        grid[Math.floor(i / 3)][size - 11 + i % 3] = grid[size - 11 + i % 3][Math.floor(i / 3)] = number >> i & 1;
    format(grid, 0);
    return grid;
}

// Level and mask, twice.
function format(grid, mask) {
    const size = grid.length;
    const bits = checked(mask, 0x537, 10) ^ 0x5412;    // level M is 00
    for (let i = 0; i < 15; i++) {
        const bit = bits >> i & 1;
        grid[i < 6 ? i : i < 8 ? i + 1 : size - 15 + i][8] = bit;
        grid[8][i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i] = bit;
    }
    grid[size - 8][8] = 1;
}

// Fills in the data, up and down by columns of two from the right.
function drawn(version, data, mask) {
    const grid = frame(version);
    const size = grid.length;
    let place = 0;
    for (let right = size - 1; right > 0; right -= right === 8 ? 3 : 2) {
        for (let step = 0; step < size; step++) {
            const up = (right > 6 ? (size - 1 - right) / 2 : (size - 2 - right) / 2) % 2 === 0;
            const y = up ? size - 1 - step : step;
            for (const x of [right, right - 1])
                if (grid[y][x] === undefined) {
                    grid[y][x] = (data[place >> 3] >> 7 - (place & 7) & 1) ^ (MASKS[mask](x, y) === 0 ? 1 : 0);
                    place++;
                }
        }
    }
    format(grid, mask);
    return grid;
}

// How hard it is to read: long runs, squares of one colour, what looks like a corner, and much more of one colour.
function penalty(grid) {
    const lines = [...grid, ...grid.map((row, i) => grid.map(other => other[i]))].map(row => row.join(''));
    const runs = lines.flatMap(line => line.match(/0{5,}|1{5,}/g) || []).reduce((sum, run) => sum + run.length - 2, 0);
    const corners = lines.reduce((sum, line) => sum + (line.match(/(?=00001011101|10111010000)/g) || []).length * 40, 0);
    const squares = grid.slice(1).reduce((sum, row, y) => sum + row.slice(1).filter((dark, x) => dark === row[x] && dark === grid[y][x] && dark === grid[y][x + 1]).length * 3, 0);
    const dark = grid.flat().filter(Boolean).length / grid.length ** 2;
    return runs + corners + squares + Math.floor(Math.abs(dark - 0.5) * 20) * 10;
}

// Rows of squares, 1 dark and 0 light, without the margin of four.
export function matrix(text) {
    const length = new TextEncoder().encode(text).length;
    const version = BLOCKS.findIndex((one, n) => n && capacity(n) >= length + (n < 10 ? 2 : 3));
    if (version < 0)
        throw new RangeError('the text is too long for a QR code of version 10');
    const data = codewords(text, version);
    return MASKS.map((one, mask) => drawn(version, data, mask)).reduce((best, next) => penalty(next) < penalty(best) ? next : best);
}
