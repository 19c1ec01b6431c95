// Copyright (C) the ngx_sandbox authors
//
// The JavaScript runner, docs/runner-protocol.md.  Node.js 18 and later.  The
// executor makes one file of its three: what an error tells
// (javascript_errors.js), how code is run as a script or a module
// (javascript_modules.js), and the protocol, here: the request, the value, the
// end.

const fs = require('fs');
const Module = require('module');
const path = require('path');

// the name of the code, wherever it is told
const NAME = 'main.js';

const REQUEST_FD = 3;
const VALUE_FD = 4;
const GATE_FD = 5;
const RUNNER_FD = 6;
const VALUE_MAX = 1024 * 1024;
const MESSAGE_MAX = 4096;

// files that are being written when the value is there, in milliseconds
const FILES_MAX = 2000;

// the code may change what is global: keep what is needed behind it
const { Buffer, Error, String, process, setImmediate, setTimeout }
    = globalThis;
const exit = process.exit.bind(process);
const now = process.hrtime.bigint.bind(process.hrtime);
const stringify = JSON.stringify;
const parse = JSON.parse;
const writeSync = fs.writeSync;
const inspect = require('util').inspect;
const defineProperty = Object.defineProperty;
const activeResources = process.getActiveResourcesInfo || (() => []);
const bufferFrom = Buffer.from;
const errorToString = Error.prototype.toString;
const isFinite = Number.isFinite;
const { isMap, isPromise, isSet } = require('util').types;

const TOO_DEEP = 'it is nested too deeply, 64 levels are allowed';

let source = '';
let finished = false;
let pending = '';           // what is waited for
let drained = false;


class Context {
    #end;

    constructor(head) {
        this.executionId = head.execution_id;
        this.sessionId = head.session_id;
        this.timeout = Number(head.timeout);
        this.#end = Number(now()) / 1e9 + this.timeout;
    }

    // seconds until the execution is ended
    remaining() {
        return Math.max(0, this.#end - Number(now()) / 1e9);
    }
}


// a return value that is no JSON; its text is the error message
class Refused extends Error {}


function main() {
    fs.closeSync(RUNNER_FD);

    blockOn('stdout');
    blockOn('stderr');
    beQuiet();
    hideFrames();

    // not there yet: there is time to try what the request will need
    if (fs.fstatSync(REQUEST_FD).size === 0) {
        warmUp();
    }

    if (fs.readSync(GATE_FD, Buffer.alloc(1)) === 0) {
        exit(0);
    }

    const { head, code, event, env } = readRequest();
    const context = new Context(head);

    source = code.toString('utf8').replace(/^\ufeff/, '');

    for (const item of env) {
        const equals = item.indexOf('=');
        process.env[item.slice(0, equals)] = item.slice(equals + 1);
    }

    process.chdir(head.directory);

    // the code's own handlers win, as they would without us
    for (const kind of ['uncaughtException', 'unhandledRejection']) {
        process.on(kind, (e) => {
            if (process.listenerCount(kind) === 1) {
                fail(e);
            }
        });
    }

    // when nothing is left that could settle what the handler has promised
    process.on('beforeExit', () => {
        drained = true;
    });

    process.on('exit', (status) => {
        if (pending && drained) {
            fail(new Refused(pending + ' is never settled'), status);
        }
    });

    try {
        run(head.workspace, (handler) => {
            if (handler !== undefined) {
                answer(handler(event.length ? parse(event.toString('utf8'))
                                            : null, context));
            }
        });

    } catch (e) {
        fail(e);
    }
}


function warmUp() {
    void process.stdout;
    void process.stderr;

    Module.createRequire(path.join(process.cwd(), NAME));

    const script = new vm.Script('(function handler(event) { return event; })',
                                 { filename: NAME });

    encode(script.runInThisContext({ displayErrors: false })(
        parse('{"a":[1,2.5,"x",null]}')));
}


function readRequest() {
    const data = fs.readFileSync(REQUEST_FD);

    fs.closeSync(REQUEST_FD);
    fs.closeSync(GATE_FD);

    const end = data.indexOf('\n\n');
    const lines = data.toString('utf8', 0, end).split('\n');

    if (lines[0] !== 'sandbox-run 2') {
        throw new Error('unknown protocol: ' + lines[0]);
    }

    const head = {};

    for (const line of lines.slice(1)) {
        const space = line.indexOf(' ');
        head[line.slice(0, space)] = line.slice(space + 1);
    }

    const code = end + 2;
    const event = code + Number(head.code);
    const env = event + Number(head.event);

    return {
        head: head,
        code: data.subarray(code, event),
        event: data.subarray(event, env),
        env: data.toString('utf8', env, env + Number(head.env))
            .split('\0').slice(0, -1),
    };
}


// A pipe's writes are queued when it is full, and process.exit() drops the
// queue: let them wait instead.  The stream is made when it is first used.

function blockOn(name) {
    const property = Object.getOwnPropertyDescriptor(process, name);

    defineProperty(process, name, {
        configurable: true,
        enumerable: true,

        get() {
            const stream = property.get.call(process);

            if (stream._handle && stream._handle.setBlocking) {
                stream._handle.setBlocking(true);
            }

            defineProperty(process, name, property);

            return stream;
        },
    });
}


// that import() is an experiment in a script is not the code's business

function beQuiet() {
    const emitWarning = process.emitWarning;

    process.emitWarning = function (warning, type) {
        if (type !== 'ExperimentalWarning' || !/\bvm\b/i.test(warning)) {
            emitWarning.apply(process, arguments);
        }
    };
}


function answer(result) {
    if (result !== null && typeof result === 'object'
        && typeof result.then === 'function')
    {
        pending = 'the promise of the handler';
        result.then(finish, fail);
        return;
    }

    finish(result);
}


// The value is there: timers and sockets that the handler left open do not
// keep the process, only files that it has begun to write.  One turn later,
// so that rejections are still seen.

function finish(result) {
    const began = Number(now());
    let data;

    pending = '';

    try {
        data = encode(result);

    } catch (e) {
        fail(e);
        return;
    }

    setImmediate(function end() {
        if (finished) {
            return;
        }

        if (Number(now()) - began < FILES_MAX * 1e6
            && activeResources().some((name) => /^FSReq/.test(name)))
        {
            setTimeout(end, 1);
            return;
        }

        finished = true;

        try {
            send('value', data);

        } catch (e) {
            complain('the return value cannot be passed on: ' + e.message
                     + '\n');
            exit(1);
        }

        exit();
    });
}


function encode(result) {
    if (result === undefined) {
        return bufferFrom('null');
    }

    if (typeof result === 'function' || typeof result === 'symbol') {
        throw new Refused('return value is not JSON: it is a '
                          + typeof result);
    }

    if (result !== null && typeof result === 'object'
        && typeof result.next === 'function'
        && (result[Symbol.iterator] || result[Symbol.asyncIterator]))
    {
        throw new Refused('return value is not JSON: handler is a '
                          + 'generator, let it return an array');
    }

    let text;

    try {
        text = stringify(result);

        // what stringify() writes for something else
        if (text !== undefined && /null|\{\}/.test(text)) {
            stringify(result, refuse);
        }

    } catch (e) {
        if (isCodesOwn(e)) {
            throw e;
        }

        throw new Refused('return value is not JSON: '
                          + (/call stack/.test(e && e.message)
                             ? TOO_DEEP : firstLine(e && e.message)));
    }

    const data = bufferFrom(text === undefined ? 'null' : text);

    if (data.length > VALUE_MAX) {
        throw new Refused('return value of ' + data.length
                          + ' bytes is larger than ' + VALUE_MAX + ' bytes');
    }

    return data;
}


function refuse(key, value) {
    const kind = typeof value === 'number' && !isFinite(value) ? value
                 : isMap(value) ? 'a Map'
                 : isSet(value) ? 'a Set'
                 : isPromise(value) ? 'a promise' : undefined;

    if (kind !== undefined) {
        throw new TypeError(key === '' ? `it is ${kind}`
                                       : `"${key}" is ${kind}`);
    }

    return value;
}


function fail(e, status) {
    let message;

    if (finished) {
        return;
    }

    finished = true;

    try {
        message = describe(e);

    } catch (unused) {
        // an error whose own properties throw
        message = 'Error';
        complain(message + '\n');
    }

    try {
        send('error', bufferFrom(message).subarray(0, MESSAGE_MAX));

    } catch (unused) {
        // the code has closed the descriptor: the exit status remains
    }

    exit(status || 1);
}


function send(kind, data) {
    writeAll(VALUE_FD, Buffer.concat([
        bufferFrom(kind + ' ' + data.length + '\n'), data,
    ]));

    fs.closeSync(VALUE_FD);
}


function complain(text) {
    try {
        writeAll(2, bufferFrom(text));

    } catch (unused) {
        // the code has closed standard error
    }
}


// libuv makes pipes non-blocking: a full one is tried again

function writeAll(fd, data) {
    for (let n = 0; n < data.length; /* void */) {
        try {
            n += writeSync(fd, data, n);

        } catch (e) {
            if (e.code !== 'EAGAIN') {
                throw e;
            }

            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
        }
    }
}


main();
