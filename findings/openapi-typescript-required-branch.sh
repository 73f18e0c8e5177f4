#!/bin/sh
# openapi-typescript makes fields of an allOf required when `required` stands beside it, and not when it stands in a branch of it:
# then it is left out, or the type holds no object at all.
#
# Seen with openapi-typescript 7.13.0, compiled by TypeScript 5.9.3.
#
# To JSON Schema these four say the same: an Answer whose code and data are there.  "A common envelope, and here its data is
# required" is written as the second or third in many a contract, and every validator heeds them.  Output:
#
#     Beside    WithRequired<components["schemas"]["Answer"], "code" | "data">
#     Branch    components["schemas"]["Answer"] & unknown
#     Typed     components["schemas"]["Answer"] & Record<string, never>
#     Inline    { code?: number; data?: string; } & unknown
#     Beside: answer.data is a string
#     Branch: answer.data may be undefined
#     Typed: {code: 200, data: "yes"} is not assignable
#     Inline: answer.data may be undefined
#
# So: a contract for generated clients puts `required` beside the allOf, or makes each answer one object, as openapi/bundle does.

set -eu

command -v npm >/dev/null || { apt-get update -q >/dev/null; DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends npm >/dev/null; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-save --ignore-scripts --no-audit --no-fund openapi-typescript@7.13.0 typescript@5.9.3

cat >contract.json <<'END_OF_CONTRACT'
{"openapi": "3.0.3", "info": {"title": "one answer, four times", "version": "1"}, "paths": {}, "components": {"schemas": {
  "Answer": {"type": "object", "properties": {"code": {"type": "integer"}, "data": {"type": "string"}}},
  "Beside": {"allOf": [{"$ref": "#/components/schemas/Answer"}], "required": ["code", "data"]},
  "Branch": {"allOf": [{"$ref": "#/components/schemas/Answer"}, {"required": ["code", "data"]}]},
  "Typed": {"allOf": [{"$ref": "#/components/schemas/Answer"}, {"type": "object", "required": ["code", "data"]}]},
  "Inline": {"allOf": [{"type": "object", "properties": {"code": {"type": "integer"}, "data": {"type": "string"}}}, {"required": ["code", "data"]}]}
}}}
END_OF_CONTRACT
npx openapi-typescript contract.json -o contract.d.ts >/dev/null 2>&1

# What the type of each is.
types() {
    tr -s ' \n' '  ' <contract.d.ts | sed 's/;/;\n/g' >flat
    for name in Beside Branch Typed Inline; do
        printf '%-9s %s\n' $name "$(tr -d '\n' <flat | sed "s/.* $name: //; s/;\( [A-Z][a-z]*: .*\| };.*\)//")"
    done
}

# What the compiler thinks of a good answer of each, and of reading its data: a line each, so that its complaints tell by their number.
asked() {
    echo "import type {components} from './contract';"
    for name in Beside Branch Typed Inline; do echo "export const $name: components['schemas']['$name'] = {code: 200, data: 'yes'};"; done
    for name in Beside Branch Typed Inline; do echo "export const of$name = (answer: components['schemas']['$name']): number => answer.data.length;"; done
}
asked >use.ts
npx tsc --noEmit --strict --target es2022 --moduleResolution node use.ts >complaints || :

line=2
{
    types
    for name in Beside Branch Typed Inline; do
        if grep -q "^use.ts($line," complaints; then echo "$name: {code: 200, data: \"yes\"} is not assignable"
        elif grep -q "^use.ts($((line + 4)),.*undefined" complaints; then echo "$name: answer.data may be undefined"
        else echo "$name: answer.data is a string"; fi
        line=$((line + 1))
    done
} | tee seen

cat >expected <<'END_OF_EXPECTED'
Beside    WithRequired<components["schemas"]["Answer"], "code" | "data">
Branch    components["schemas"]["Answer"] & unknown
Typed     components["schemas"]["Answer"] & Record<string, never>
Inline    { code?: number; data?: string; } & unknown
Beside: answer.data is a string
Branch: answer.data may be undefined
Typed: {code: 200, data: "yes"} is not assignable
Inline: answer.data may be undefined
END_OF_EXPECTED
cmp -s seen expected || { echo "openapi-typescript does something else now" >&2; exit 1; }
