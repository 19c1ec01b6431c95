// Copyright (C) the ngx_sandbox authors
//
// The part of the JavaScript runner that runs the code: as a script in this
// context, so that functions which it declares are global, with require(),
// module and exports as a CommonJS module has them.  What can be no script, for
// its import and export statements or an await at its top level, is a module.

const vm = require('vm');

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

// the package of what is imported, if that is no path or URL
const PACKAGE = /^(?:@[^/]+\/)?[^@./#][^/:]*(?=\/|$)/;


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

    const load = loaderOf(file, require);

    let script;

    try {
        script = scriptOf(source, load);

    } catch (e) {
        runModule(e, load, module, done);
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
            meta.url = fileUrl(file);
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


function scriptOf(text, load, lineOffset) {
    return new vm.Script(text, { filename: NAME, lineOffset,
                                 importModuleDynamically: load });
}


// What import() of the code gives.  It finds the packages that require() finds,
// also those that NODE_PATH leads to.  All else of it is node's own, as for a
// file in the folder where it begins.

function loaderOf(file, require) {
    const loaders = new Map();

    return async (name, referrer, attributes) => {
        const folder = folderOf(name, require);
        const odd = folder && path.basename(folder) !== 'node_modules';
        const from = folder && !odd ? path.dirname(folder)
                                    : path.dirname(file);

        if (!loaders.has(from)) {
            loaders.set(from, importIn(from));
        }

        // node imports from folders of that name only
        return loaders.get(from)(odd ? fileUrl(require.resolve(name)) : name,
                                 optionsOf(attributes));
    };
}


// which of the folders of packages has the one that is named

function folderOf(name, require) {
    const [wanted] = PACKAGE.exec(name) || [];

    // null for what is built in
    const folders = wanted && require.resolve.paths(name);

    return (folders || []).find((folder) => {
        const found = fs.statSync(path.join(folder, wanted),
                                  { throwIfNoEntry: false });
        return found && found.isDirectory();
    });
}


function importIn(folder) {
    const file = path.join(folder, NAME);
    const module = new Module(file, null);

    module._compile('module.exports = (name, options) => import(name, options)',
                    file);

    return module.exports;
}


// they were called assertions before Node.js 18.20

function optionsOf(attributes) {
    return attributes && Object.keys(attributes).length !== 0
           ? { with: attributes, assert: attributes } : undefined;
}


function fileUrl(file) {
    return require('url').pathToFileURL(file).href;
}


// each import of a module is what that gives

function linkTo(load) {
    return async function (name, referrer, { attributes, assert } = {}) {
        const loaded = await load(name, referrer, attributes || assert);
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
