'use strict';
const Mailgun = require('mailgun.js').default || require('mailgun.js');
const FormData = require('form-data');
const { bytes, subject, text, html, url, key, run } = require('./message.cjs');

const domain = process.env.DOMAIN;
const connect = (apiKey) => new Mailgun(FormData).client({ username: 'api', key: apiKey, url }).messages;
const message = (to) => ({ from: 'hi@acme.example', to, subject, text });

run({
  one: async () => (await connect(key).create(domain, {
    ...message('"Lovelace, Ada" <ada@example.com>'),
    from: '"Acme, Inc." <hi@acme.example>',
    cc: 'cc@example.com',
    bcc: 'bcc@example.com',
    'h:Reply-To': 'reply@example.com',
    html,
    'o:tag': ['welcome'],
    'v:order': '42',
    'o:tracking-opens': 'yes',
    'o:tracking-clicks': 'no',
    'h:X-Entity-Ref-ID': '42',
    attachment: [{ data: bytes, filename: 'bytes.bin', contentType: 'application/octet-stream' }],
    inline: [{ data: bytes, filename: 'logo', contentType: 'image/png' }],
  })).id,
  batch: async () => (await connect(key).create(domain, {
    ...message(['reader1@example.com', 'reader2@example.com', 'reader3@example.com']),
    'recipient-variables': JSON.stringify({ 'reader1@example.com': {}, 'reader2@example.com': {}, 'reader3@example.com': {} }),
  })).status,
  wrongKey: async () => connect('wrong').create(domain, message('ada@example.com')),
  throttled: async () => connect(key).create(domain, message('throttled@emulator.test')),
});
