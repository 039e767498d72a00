// What every vendor's client sends: the test knows it and compares.
'use strict';
exports.bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
exports.subject = 'Grüße, "Ada" 🎉';
exports.text = 'Hello Ada.\nÜber 100 %.';
exports.html = '<p>Hello <b>Ada</b>.</p><img src="cid:logo">';
exports.url = process.env.BASE_URL;
exports.key = process.env.KEY;

// Runs the steps, prints what they give as JSON, and what a wrong key is told.
exports.run = async (steps) => {
  const result = {};
  for (const [name, step] of Object.entries(steps)) {
    try {
      result[name] = await step();
    } catch (error) {
      result[name] = { error: String(error && error.message), status: error && (error.code || error.status || error.statusCode) };
    }
  }
  console.log(JSON.stringify(result));
};
