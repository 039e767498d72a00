'use strict';
const { Resend } = require('resend');
const { bytes, subject, text, html, url, key, run } = require('./message.cjs');

const connect = (apiKey) => new Resend(apiKey, { baseUrl: url });
const message = (to) => ({ from: 'hi@acme.example', to, subject, text });
// This client answers with an error instead of throwing it.
const done = ({ data, error }) => {
  if (error) throw Object.assign(new Error(error.message), { status: error.statusCode, code: error.name });
  return data;
};

run({
  one: async () => done(await connect(key).emails.send({
    ...message('"Lovelace, Ada" <ada@example.com>'),
    from: '"Acme, Inc." <hi@acme.example>',
    cc: 'cc@example.com',
    bcc: 'bcc@example.com',
    replyTo: 'reply@example.com',
    html,
    tags: [{ name: 'order', value: '42' }],
    headers: { 'X-Entity-Ref-ID': '42' },
    attachments: [
      { filename: 'bytes.bin', content: bytes, contentType: 'application/octet-stream' },
      { filename: 'logo.png', content: bytes, contentType: 'image/png', contentId: 'logo' },
    ],
  }, { idempotencyKey: 'order-42' })).id,
  batch: async () => done(await connect(key).batch.send([
    message('reader1@example.com'), message('reader2@example.com'), message('reader3@example.com'),
  ])).data.length,
  wrongKey: async () => done(await connect('re_wrong').emails.send(message('ada@example.com'))),
  throttled: async () => done(await connect(key).emails.send(message('throttled@emulator.test'))),
});
