window.SwaggerUIBundle({ url: '/docs-json', dom_id: '#docs', deepLinking: true });
