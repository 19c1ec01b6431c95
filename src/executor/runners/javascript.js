// Copyright (C) the ngx_sandbox authors
//
// The JavaScript runner, docs/runner-protocol.md.  Node.js 18 and later.
// The code runs as a script in this context: functions that it declares are
// global, and it has require(), module and exports as a CommonJS module has.

'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');
const vm = require('vm');

const REQUEST_FD = 3;
const VALUE_FD = 4;
const GATE_FD = 5;
const RUNNER_FD = 6;
const VALUE_MAX = 1024 * 1024;
const MESSAGE_MAX = 4096;

// relative, so that import() starts at the working directory
const NAME = 'main.js';

// the code may change what is global: keep what is needed behind it
const exit = process.exit.bind(process);
const now = process.hrtime.bigint.bind(process.hrtime);
const stringify = JSON.stringify;
const parse = JSON.parse;
const writeSync = fs.writeSync;

let source = '';
let finished = false;


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
    process.on('uncaughtException', (e) => {
        if (process.listenerCount('uncaughtException') === 1) {
            fail(e);
        }
    });

    process.on('unhandledRejection', (e) => {
        if (process.listenerCount('unhandledRejection') === 1) {
            fail(e);
        }
    });

    try {
        const handler = run(head.workspace);

        if (typeof handler === 'function') {
            const value = event.length ? parse(event.toString('utf8')) : null;

            answer(handler(value, context));
        }

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

    Object.defineProperty(process, name, {
        configurable: true,
        enumerable: true,

        get() {
            const stream = property.get.call(process);

            if (stream._handle && stream._handle.setBlocking) {
                stream._handle.setBlocking(true);
            }

            Object.defineProperty(process, name, property);

            return stream;
        },
    });
}


function run(workspace) {
    const folder = process.cwd();
    const file = path.join(folder, 'main.js');
    const module = new Module(file, null);
    const require = Module.createRequire(file);

    module.filename = file;
    module.paths = Module._nodeModulePaths(folder);
    module.loaded = true;

    if (folder !== workspace) {
        module.paths.push(...Module._nodeModulePaths(workspace));
    }

    // "require.main === module" holds, as in a file that node was given
    require.main = module;
    process.mainModule = module;
    process.argv = [process.argv[0], file];

    define('require', require);
    define('module', module);
    define('exports', module.exports);

    const script = new vm.Script(source, {
        filename: NAME,
        importModuleDynamically:
            vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
            || ((name) => importModule(name, require)),
    });

    script.runInThisContext({ displayErrors: false });

    if (module.exports !== null
        && (typeof module.exports === 'object'
            || typeof module.exports === 'function')
        && typeof module.exports.handler === 'function')
    {
        return module.exports.handler;
    }

    // const and let are global without being properties of globalThis
    return vm.runInThisContext('typeof handler === "function"'
                               + ' ? handler : undefined');
}


function define(name, value) {
    Object.defineProperty(globalThis, name, {
        value: value, writable: true, configurable: true, enumerable: false,
    });
}


// before Node.js 20.12

function importModule(name, require) {
    const found = require.resolve(name);

    if (Module.isBuiltin ? Module.isBuiltin(found)
                         : Module.builtinModules.includes(found))
    {
        return import(found);
    }

    return import(require('url').pathToFileURL(found).href);
}


function answer(result) {
    if (result !== null && typeof result === 'object'
        && typeof result.then === 'function')
    {
        result.then(finish, fail);
        return;
    }

    finish(result);
}


// The value is there: timers and sockets that the handler left open do not
// keep the process.  One turn later, so that rejections are still seen.

function finish(result) {
    let data;

    try {
        data = encode(result);

    } catch (e) {
        fail(e);
        return;
    }

    setImmediate(() => {
        if (finished) {
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
        return Buffer.from('null');
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

    } catch (e) {
        throw new Refused('return value is not JSON: '
                          + firstLine(e && e.message));
    }

    const data = Buffer.from(text === undefined ? 'null' : text);

    if (data.length > VALUE_MAX) {
        throw new Refused('return value of ' + data.length
                          + ' bytes is larger than ' + VALUE_MAX + ' bytes');
    }

    return data;
}


function fail(e) {
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
        send('error', Buffer.from(message).subarray(0, MESSAGE_MAX));

    } catch (unused) {
        // the code has closed the descriptor: the exit status remains
    }

    exit(1);
}


function send(kind, data) {
    writeAll(VALUE_FD, Buffer.concat([
        Buffer.from(kind + ' ' + data.length + '\n'), data,
    ]));

    fs.closeSync(VALUE_FD);
}


function complain(text) {
    try {
        writeAll(2, Buffer.from(text));

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


// prints the stack of the code's own frames, returns its first line

function describe(e) {
    if (e instanceof Refused) {
        complain(e.message + '\n');
        return e.message;
    }

    if (!(e instanceof Error) && !(e && typeof e.stack === 'string')) {
        const text = 'Uncaught ' + require('util').inspect(e);

        complain(text + '\n');
        return firstLine(text);
    }

    const syntax = e instanceof SyntaxError;
    const lines = String(e.stack).split('\n');

    // node puts the place of a syntax error in front of its stack
    const place = /^main\.js:(\d+)$/.exec(lines[0]);

    const shown = lines.filter((line) => {
        return !/^\s+at /.test(line)
               || !(line.includes(__filename) || line.includes('node:vm')
                    || line.includes('node:internal'));
    });

    complain((place ? '' : excerpt(shown)) + shown.join('\n').trimEnd()
             + '\n');

    const message = e.name + (e.message ? ': ' + e.message : '');

    return syntax && place ? message + ' (main.js, line ' + place[1] + ')'
                           : message;
}


function excerpt(lines) {
    for (const line of lines) {
        const at = /^\s+at (?:.* \()?main\.js:(\d+):(\d+)\)?$/.exec(line);

        if (at) {
            const text = source.split('\n')[at[1] - 1] || '';

            return NAME + ':' + at[1] + '\n' + text.slice(0, 200) + '\n'
                   + ' '.repeat(Math.min(at[2] - 1, 200)) + '^\n\n';
        }
    }

    return '';
}


function firstLine(text) {
    return String(text).split('\n', 1)[0];
}


main();
