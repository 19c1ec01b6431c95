// Copyright (C) the ngx_sandbox authors
//
// The part of the JavaScript runner that tells of an error what its author
// needs: the place in the code and the stack of its own frames.

'use strict';


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


// of a getter or of toJSON()

function isCodesOwn(e) {
    return isError(e)
           && /^\s+at (?:.* \()?main\.js:\d+:\d+\)?$/m.test(e.stack);
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
