'use strict';
const { MailService } = require('@sendgrid/mail');
const { Client } = require('@sendgrid/client');
const { bytes, subject, text, html, url, key, run } = require('./message.cjs');

const connect = (apiKey) => {
  const client = new Client();
  client.setApiKey(apiKey);
  client.setDefaultRequest('baseUrl', url);
  const mail = new MailService();
  mail.setClient(client);
  return mail;
};
const message = (to) => ({ from: 'hi@acme.example', to, subject, text });

run({
  one: async () => (await connect(key).send({
    ...message({ name: 'Ada Lovelace', email: 'ada@example.com' }),
    from: { name: 'Acme Inc.', email: 'hi@acme.example' },
    cc: 'cc@example.com',
    bcc: 'bcc@example.com',
    replyTo: 'reply@example.com',
    html,
    categories: ['welcome'],
    customArgs: { order: '42' },
    trackingSettings: { openTracking: { enable: true }, clickTracking: { enable: false } },
    headers: { 'X-Entity-Ref-ID': '42' },
    attachments: [
      { filename: 'bytes.bin', content: bytes.toString('base64'), type: 'application/octet-stream', disposition: 'attachment' },
      { filename: 'logo.png', content: bytes.toString('base64'), type: 'image/png', disposition: 'inline', content_id: 'logo' },
    ],
  }))[0].headers['x-message-id'],
  batch: async () => (await connect(key).send({
    from: 'hi@acme.example', subject, text,
    personalizations: [{ to: 'reader1@example.com' }, { to: 'reader2@example.com' }, { to: 'reader3@example.com' }],
  }))[0].statusCode,
  wrongKey: async () => connect('SG.wrong').send(message('ada@example.com')),
  throttled: async () => connect(key).send(message('throttled@emulator.test')),
});
