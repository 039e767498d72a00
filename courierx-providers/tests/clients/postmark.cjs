'use strict';
const { ServerClient, Models } = require('postmark');
const { bytes, subject, text, html, url, key, run } = require('./message.cjs');

const connect = (token) => new ServerClient(token, { requestHost: new URL(url).host, useHttps: false });
const message = (to) => ({ From: 'hi@acme.example', To: to, Subject: subject, TextBody: text });

run({
  one: async () => (await connect(key).sendEmail({
    ...message('"Lovelace, Ada" <ada@example.com>'),
    From: '"Acme, Inc." <hi@acme.example>',
    Cc: 'cc@example.com',
    Bcc: 'bcc@example.com',
    ReplyTo: 'reply@example.com',
    HtmlBody: html,
    Tag: 'welcome',
    Metadata: { order: '42' },
    TrackOpens: true,
    TrackLinks: Models.LinkTrackingOptions.None,
    Headers: [{ Name: 'X-Entity-Ref-ID', Value: '42' }],
    Attachments: [
      { Name: 'bytes.bin', Content: bytes.toString('base64'), ContentType: 'application/octet-stream', ContentID: null },
      { Name: 'logo.png', Content: bytes.toString('base64'), ContentType: 'image/png', ContentID: 'cid:logo' },
    ],
  })).MessageID,
  batch: async () => (await connect(key).sendEmailBatch([
    message('reader1@example.com'), message('suppressed@emulator.test'), message('reader3@example.com'),
  ])).map((result) => result.ErrorCode),
  wrongKey: async () => connect('wrong').sendEmail(message('ada@example.com')),
  throttled: async () => connect(key).sendEmail(message('throttled@emulator.test')),
});
