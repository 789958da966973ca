/* One verb a run: node client.mjs VERB [ARGUMENT...], with the cell in DAV_URL
 * and the account in DAV_USER and DAV_PASSWORD.  Exit status 1 and one line
 * where the client library reports an error. */

import { createReadStream, createWriteStream, promises as fs } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createClient } from "webdav";

const client = createClient(process.env.DAV_URL, {
	username: process.env.DAV_USER,
	password: process.env.DAV_PASSWORD,
});
/* Past this size the content goes through a stream, which is sent chunked. */
const SMALL = 4096;

function want(condition, sentence)
{
	if (!condition)
		throw new Error(sentence);
}

/* Resolves with what `action` throws, fails if it does not throw. */
async function refusal(action, sentence)
{
	try {
		await action();
	} catch (error) {
		return error;
	}
	throw new Error(sentence);
}

async function put(local, remote)
{
	const { size } = await fs.stat(local);
	if (size <= SMALL) {
		const done = await client.putFileContents(
			`/${remote}`, await fs.readFile(local));
		want(done === true, `putFileContents said ${done}`);
		return;
	}
	const answered = new Promise((resolve, reject) => {
		const stream = client.createWriteStream(
			`/${remote}`, {}, resolve);
		stream.on("error", reject);
		createReadStream(local).on("error", reject).pipe(stream);
	});
	const answer = await answered;
	want(answer.ok, `PUT said ${answer.status}`);
}

async function get(remote, local)
{
	await pipeline(client.createReadStream(`/${remote}`),
		createWriteStream(local));
}

async function list(folder)
{
	for (const item of await client.getDirectoryContents(`/${folder}`))
		console.log(item.basename);
}

/* Two clients, one lock: the one without the token is refused. */
async function locking(text)
{
	const path = "/locked by npm.txt";

	await client.putFileContents(path, text);
	const lock = await client.lock(path, { timeout: "Second-600" });
	want(lock.token.includes("opaquelocktoken:") ||
		lock.token.includes("urn:uuid:"), `token ${lock.token}`);
	const error = await refusal(
		() => client.putFileContents(path, "without the token"),
		"a PUT without the token was accepted");
	want(error.status === 423, `without the token: ${error.status}`);
	await client.putFileContents(path, `${text}, locked`, {
		headers: { If: `(<${lock.token.replace(/[<>]/g, "")}>)` },
	});
	await client.unlock(path, lock.token);
	await client.putFileContents(path, `${text}, unlocked`);
	want(await client.getFileContents(path, { format: "text" }) ===
		`${text}, unlocked`, "the last content is not there");
	await client.deleteFile(path);
}

async function conditions(text)
{
	const path = "/kept.txt";

	want(await client.putFileContents(path, text, { overwrite: false }),
		"the first PUT did not happen");
	want(!await client.putFileContents(path, "x", { overwrite: false }),
		"If-None-Match: * was not honoured");
	want(await client.getFileContents(path, { format: "text" }) === text,
		"the content was replaced");
	want(await client.exists(path), "exists() denies the file");
	const found = await client.stat(path);
	want(found.size === text.length, `stat says ${found.size} bytes`);
	want(found.etag, "stat has no etag");
	await client.deleteFile(path);
	want(!await client.exists(path), "exists() after the deletion");
}

async function ranges()
{
	const path = "/range.txt";

	await client.putFileContents(path, "0123456789");
	const chunks = [];
	for await (const chunk of client.createReadStream(path,
		{ range: { start: 3, end: 6 } }))
		chunks.push(chunk);
	want(Buffer.concat(chunks).toString() === "3456",
		`the range holds ${Buffer.concat(chunks)}`);
	await client.deleteFile(path);
}

/* A listing of all depths is either given or refused with a clear status. */
async function deep()
{
	await client.createDirectory("/deep/er/est", { recursive: true });
	try {
		const all = await client.getDirectoryContents("/deep",
			{ deep: true });
		want(all.length === 2, `the deep listing has ${all.length}`);
	} catch (error) {
		want(error.status === 403, `deep listing: ${error}`);
	}
	await client.deleteFile("/deep");
}

/* RFC 4331 keeps the quota out of allprop, which is what getQuota() sends, so
 * it is asked for by name. */
async function quota()
{
	const answer = await client.customRequest("/", {
		method: "PROPFIND",
		headers: { Depth: "0" },
		data: '<propfind xmlns="DAV:"><prop><quota-used-bytes/>' +
			"</prop></propfind>",
	});
	const used = /quota-used-bytes>(\d+)</.exec(await answer.text());
	want(used !== null, "there is no quota-used-bytes");
}

async function extras()
{
	await locking("some text");
	await conditions("kept as it is");
	await ranges();
	await deep();
	await quota();
}

const verbs = {
	put, get, list, extras,
	mkdir: (folder) => client.createDirectory(`/${folder}`),
	copy: (from, to) => client.copyFile(`/${from}`, `/${to}`),
	move: (from, to) => client.moveFile(`/${from}`, `/${to}`),
	delete: (path) => client.deleteFile(`/${path}`),
};

try {
	const [verb, ...words] = process.argv.slice(2);
	await verbs[verb](...words);
} catch (error) {
	console.error(`${process.argv.slice(2).join(" ")}: ${error.message}`);
	process.exitCode = 1;
}
