// Copyright (C) the ngx_sandbox authors
//
// The JavaScript runner, docs/runner-protocol.md.  Node.js 18 and later.
// The code runs as a script in this context: functions that it declares are
// global, and it has require(), module and exports as a CommonJS module has.
// What can be no script, for its import and export statements or an await at
// its top level, is a module.

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

// files that are being written when the value is there, in milliseconds
const FILES_MAX = 2000;

// relative, so that import() starts at the working directory
const NAME = 'main.js';

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

// V8's messages for what only a module has
const MODULE_ONLY = new RegExp("^(?:Cannot use import statement|await is only"
    + " valid|Cannot use 'import.meta'|Unexpected token 'export')");

// as far as it matters to find the place of an error
const IMPORT_STATEMENT =
    /^[ \t]*import\b(?!\s*[.(])[^;'"]*(?:'[^'\n]*'|"[^"\n]*")/gm;
const EXPORT_STATEMENT = new RegExp(/^[ \t]*export\s*(?:\{[^}]*\}|\*[^;'"\n]*)/
    .source + /(?:\s*from\s*(?:'[^'\n]*'|"[^"\n]*"))?/.source, 'gm');

// a handler need not be exported
const LOCAL = 'handler of the module';
const OWN_HANDLER = `\n;export { handler as "${LOCAL}" };`;

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


// A stack ends where this file begins: what the code catches and prints has its
// own frames.  The code may replace this by its own, as ever.

function hideFrames() {
    defineProperty(Error, 'prepareStackTrace', {
        value: (e, sites) => {
            const ours = sites.findIndex(
                (site) => site.getFileName() === __filename);

            return [titleOf(e)].concat(ours < 0 ? sites : sites.slice(0, ours))
                .join('\n    at ');
        },
        writable: true, configurable: true, enumerable: false,
    });
}


// node's own errors have their code in it

function titleOf(e) {
    try {
        return typeof e.code === 'string' && e.code.startsWith('ERR_')
               ? `${e.name} [${e.code}]: ${e.message}`
               : errorToString.call(e);

    } catch (unused) {
        return 'Error';
    }
}


function run(workspace, done) {
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
    define('__filename', file);
    define('__dirname', folder);

    const importer = vm.constants
                     && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
                     || ((name) => importModule(name, require));

    let script;

    try {
        script = scriptOf(source, importer);

    } catch (e) {
        runModule(e, loaderOf(importer), module, done);
        return;
    }

    script.runInThisContext({ displayErrors: false });
    done(handlerOf(module.exports));
}


// "failed" is why it is no script

function runModule(failed, load, module, done) {
    const code = compileModule(failed, load, module.filename);

    pending = 'a top-level await';

    code.link(linkTo(load)).then(() => code.evaluate()).then(() => {
        pending = '';
        done(handlerOfModule(code.namespace) || handlerOf(module.exports));
    }).catch(fail);
}


function compileModule(failed, load, file) {
    if (!/\b(?:import|export|await)\b/.test(source)) {
        throw failed;
    }

    const options = {
        identifier: NAME,
        importModuleDynamically: load,
        initializeImportMeta(meta) {
            meta.dirname = path.dirname(file);
            meta.filename = file;
            meta.url = require('url').pathToFileURL(file).href;
        },
    };

    try {
        return new vm.SourceTextModule(source + OWN_HANDLER, options);

    } catch (unused) { /* it may have none */ }

    try {
        return new vm.SourceTextModule(source, options);

    } catch (e) {
        // else it is not for a module's sake that it is no script
        throw MODULE_ONLY.test(failed.message)
              && !MODULE_ONLY.test(e.message)
              && e.message !== 'Unexpected reserved word' ? placed(e) : failed;
    }
}


// A module's syntax error has no place.  The same code as the body of a
// function has the same one, in the same place.

function placed(failed) {
    const blank = (text) => text.replace(/[^\n]/g, ' ');
    const body = source
        .replace(/\bimport\.meta\b/g, 'globalThis ')
        .replace(IMPORT_STATEMENT, blank)
        .replace(EXPORT_STATEMENT, blank)
        .replace(/^([ \t]*)export( +)default\b/gm, '$1_=    $2       ')
        .replace(/^([ \t]*)export\b/gm, '$1      ');

    try {
        scriptOf('(async () => {\n' + body + '\n})', undefined, -1);

    } catch (e) {
        if (e.message === failed.message) {
            return e;
        }
    }

    return failed;
}


// import(), as the code would call it

function loaderOf(importer) {
    return typeof importer === 'function' ? importer
           : scriptOf('(name) => import(name)', importer).runInThisContext();
}


function scriptOf(text, importer, lineOffset) {
    return new vm.Script(text, { filename: NAME, lineOffset,
                                 importModuleDynamically: importer });
}


// each import of a module is what that gives

function linkTo(load) {
    return async function (name) {
        const loaded = await load(name);
        const names = Object.keys(loaded);
        return new vm.SyntheticModule(names, function () {
            names.forEach((each) => this.setExport(each, loaded[each]));
        }, { identifier: name });
    };
}


function handlerOf(exported) {
    if (exported !== null && exported !== undefined
        && exported.handler !== undefined)
    {
        if (!isHandler(exported.handler)) {
            throw new Refused('the exported handler is not a function');
        }

        return exported.handler;
    }

    // const and let are global without being properties of globalThis
    const handler = vm.runInThisContext('typeof handler === "function"'
                                        + ' ? handler : undefined');

    return isHandler(handler) ? handler
                              : isHandler(exported) ? exported : undefined;
}


function handlerOfModule(space) {
    return isHandler(space[LOCAL]) ? space[LOCAL]
           : handlerOf(space.handler === undefined ? space.default : space);
}


function isHandler(value) {
    return typeof value === 'function'
           && !/^class\b/.test(Function.prototype.toString.call(value));
}


function define(name, value) {
    defineProperty(globalThis, name, {
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


// of a getter or of toJSON()

function isCodesOwn(e) {
    return isError(e)
           && /^\s+at (?:.* \()?main\.js:\d+:\d+\)?$/m.test(e.stack);
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


// prints the stack of the code's own frames, returns its first line

function describe(e) {
    if (e instanceof Refused) {
        complain(e.message + '\n');
        return e.message;
    }

    if (!isError(e)) {
        const text = 'Uncaught ' + inspect(e);

        complain(text + '\n');
        return firstLine(text);
    }

    const shown = lines(e);

    // node puts the place of a syntax error in front of its stack
    const place = e instanceof SyntaxError && /^(.+):(\d+)$/.exec(shown[0]);

    complain((place ? '' : excerpt(shown)) + shown.join('\n').trimEnd()
             + details(e, '') + '\n');

    const message = e.message ? ': ' + e.message : '';

    return nameOf(e) + message + (place ? where(e, place, shown) : '');
}


function isError(e) {
    return e instanceof Error || (e && typeof e.stack === 'string');
}


// a class that extends Error has its name, as node shows it

function nameOf(e) {
    const name = String(e.name);
    const own = e.constructor && e.constructor.name;

    return name === 'Error' && own && own !== 'Object' ? String(own) : name;
}


function lines(e) {
    const name = String(e.name);
    let text = e.stack;

    if (typeof text !== 'string') {
        text = name + (e.message ? ': ' + e.message : '');
    }

    if (text.startsWith(name) && !/^\w/.test(text.slice(name.length))) {
        text = nameOf(e) + text.slice(name.length);
    }

    return text.split('\n').filter((line) => {
        return !/^\s+at /.test(line)
               || !(line.includes(__filename) || line.includes('node:vm')
                    || line.includes('node:internal'));
    });
}


// why it was thrown, and what node shows of its properties

function details(e, indent) {
    const properties = {};
    let text = '';

    for (const key of Object.keys(e)) {
        if (!['stack', 'message', 'name', 'cause', 'errors'].includes(key)) {
            properties[key] = e[key];
        }
    }

    if (Object.keys(properties).length !== 0) {
        text += '\n' + inspect(properties);
    }

    // so far and no further: one may be the cause of itself
    if (indent.length < 8) {
        for (const one of Array.isArray(e.errors) ? e.errors : []) {
            text += '\n[error]: ' + told(one, indent);
        }

        if (e.cause !== undefined) {
            text += '\n[cause]: ' + told(e.cause, indent);
        }
    }

    return text.replace(/\n/g, '\n  ');
}


function told(e, indent) {
    return isError(e) ? lines(e).join('\n').trimEnd()
                        + details(e, indent + '  ')
                      : inspect(e);
}


function where(e, place, shown) {
    const caret = shown.slice(1).find((line) => /^\s*\^+$/.test(line));
    const main = place[1] === NAME;

    // at the end of the code there is none
    const column = caret ? caret.indexOf('^') + 1
                         : (shown[1] || '').length + 1;

    const hint = main && /^await is only valid/.test(e.message)
                 ? ': let the handler be async' : '';

    return hint + ' (' + path.basename(place[1]) + ', line ' + place[2]
           + ', column ' + column + ')';
}


function excerpt(shown) {
    for (const line of shown) {
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
