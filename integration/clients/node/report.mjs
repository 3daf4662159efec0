// Runs a client's cases one after the other and prints one JSON line for each:
// {"case": NAME, "got": {…}} or {"case": NAME, "failed": WHY}. integration/ says what each must get.

export const baseURL = process.env.BASE_URL;
if (!baseURL) throw new Error('BASE_URL is not set');

/** The cases to run, separated by commas; all of them where it is not set. */
const wanted = process.env.CASES?.split(',');

/** The header that names a deployment. It, the base URL and the key are all that differs from the vendors' examples. */
export const deployment = (key) => ({ 'X-Deployment-Key': key });

export async function report(cases) {
  for (const [name, run] of Object.entries(cases)) {
    if (wanted && !wanted.includes(name)) continue;
    let line;
    try {
      line = { case: name, got: await run() };
    } catch (err) {
      line = { case: name, failed: String(err?.stack ?? err) };
    }
    process.stdout.write(JSON.stringify(line) + '\n');
  }
}

/** What a promise is rejected with. */
export async function failureOf(promise) {
  try {
    await promise;
  } catch (err) {
    return err;
  }
  throw new Error('the request succeeded');
}

/** What the weather function answers. The provider refuses the conversation without it. */
export const weather = (city) => `${city}: -3 degrees`;

export const messages = [{ role: 'user', content: 'Say hello.' }];
export const question = 'How is the weather in Oslo and Bergen?';
