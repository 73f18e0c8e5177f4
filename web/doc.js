// The page of the contract of whichever service serves it: /openapi.json leads to that.  What is tried out goes where the
// page came from.
'use strict';

fetch('/openapi.json').then(answer => answer.json()).then(spec => {
    spec.servers = [{url: location.origin}];
    document.title = spec.info.title;
    SwaggerUIBundle({spec, dom_id: '#doc', deepLinking: true, docExpansion: 'list', filter: true, validatorUrl: null});
}).catch(error => { document.getElementById('doc').textContent = String(error); });
