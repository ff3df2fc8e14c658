// Preloaded into a process: every way to the network throws, and says so on standard error.

import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const ways = { dns, 'dns.promises': dns.promises, http, https, socket: net.Socket.prototype, globalThis };
for (const [where, name] of [
  ['dns', 'lookup'],
  ['dns.promises', 'lookup'],
  ['http', 'request'],
  ['http', 'get'],
  ['https', 'request'],
  ['https', 'get'],
  ['socket', 'connect'],
  ['globalThis', 'fetch'],
  ['globalThis', 'WebSocket'],
])
  ways[where][name] = () => {
    console.error(`NETWORK ${where}.${name}`);
    throw new Error(`no network: ${where}.${name}`);
  };
syncBuiltinESMExports();
