// Reads the document of a service as other tools do, and says what they cannot make sense of.
//     node read.mjs chat.json …
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import SwaggerParser from '@apidevtools/swagger-parser';

const require = createRequire(import.meta.url);
const SwaggerClient = require('swagger-client').default ?? require('swagger-client');
const Postman = require('openapi-to-postmanv2');
const methods = ['get', 'put', 'post', 'delete'];
const faults = [];
const expect = (holds, what) => { if (!holds) faults.push(what); };

// The collection's requests, whatever folders they are in.
const requests = item => item.item ? item.item.flatMap(requests) : [item];

for (const file of process.argv.slice(2)) {
    const text = readFileSync(file, 'utf8');
    const operations = Object.entries(JSON.parse(text).paths).flatMap(([path, of]) =>
        methods.filter(method => of[method]).map(method => ({name: `${method.toUpperCase()} ${path}`, ...of[method]})));

    await SwaggerParser.validate(JSON.parse(text)).catch(error => faults.push(`${file}: swagger-parser: ${error.message}`));

    const client = await SwaggerClient({spec: JSON.parse(text)});
    for (const error of client.errors) faults.push(`${file}: swagger-client: ${error.message}`);
    for (const {name, operationId, tags} of operations)
        expect(client.apis[tags[0]]?.[operationId], `${file}: swagger-client has no ${operationId} for ${name}`);

    const {result, reason, output} = await new Promise((done, failed) =>
        Postman.convertV2({type: 'string', data: text}, {}, (error, answer) => error ? failed(error) : done(answer)));
    expect(result, `${file}: openapi-to-postmanv2: ${reason}`);
    const collection = result ? output[0].data : {item: []};
    expect(requests(collection).length === operations.length, `${file}: openapi-to-postmanv2 made ${requests(collection).length} requests of ${operations.length} operations`);
    const written = JSON.stringify(collection);
    for (const lost of written.match(/<Error[^>"]*>|[^"]{0,80}not found in the OpenAPI spec|\$ref/g) ?? []) faults.push(`${file}: openapi-to-postmanv2: ${lost}`);
    console.log(`${file}: ${operations.length} operations read`);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length ? 1 : 0;
