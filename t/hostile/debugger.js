// Tries: to make another Node.js process open its debugger (SIGUSR1 does), and
// to run code in it: one that is kept ready.
// Stopped by: Landlock lets signals reach the own domain only.
// Seen to get through with: no Landlock domain.
// Says: "stopped: ..."; "through: ..." if it was signalled or listens.

const fs = require('fs');
const net = require('net');

function others() {
    return fs.readdirSync('/proc').filter((name) => {
        return /^\d+$/.test(name) && name !== '1' && +name !== process.pid;
    });
}

function listens() {
    return new Promise((resolve) => {
        const socket = net.connect(9229, '127.0.0.1');

        socket.on('connect', () => resolve(true));
        socket.on('error', () => resolve(false));
    });
}

module.exports.handler = async () => {
    const reasons = [];

    // the next one takes longer than this to start
    for (let n = 0; n < 200 && others().length === 0; n++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
    }

    await new Promise((resolve) => setTimeout(resolve, 300));

    for (const pid of others()) {
        for (const signal of [() => process._debugProcess(+pid),
                              () => process.kill(+pid, 'SIGUSR1')]) {
            try {
                signal();
                return 'through: ' + pid + ' was signalled';
            } catch (e) {
                reasons.push(pid + ': ' + (e.code || e.message));
            }
        }
    }

    await new Promise((resolve) => setTimeout(resolve, 100));

    if (await listens()) {
        return 'through: a debugger listens';
    }

    return reasons.length ? 'stopped: ' + reasons.join('; ')
                          : 'nothing was tried';
};
