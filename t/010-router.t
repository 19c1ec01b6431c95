#!/usr/bin/env perl

# Paths, methods and header fields, and the shape of every refusal.
# Would catch: an error page of nginx's own in HTML, a 405 that does not say
# what is allowed, a client's request id that is lost or that is echoed
# unchecked, a refused body that is taken for the next request.

use strict;
use warnings;
use Test::Nginx::Socket 'no_plan';
use Sandbox::Blocks;

# nginx waits for the rest of a body that it has refused, and this for nginx
blocks(conf => sub {
           s/(keepalive_timeout\s+65s;)/$1\n    lingering_timeout 100ms;/;
           s{(location /api/v1/ )}{location /api/v1/closed {
                auth_basic closed; auth_basic_user_file /dev/null; sandbox_api;
             }
             $1};
       },
       expected => [qr/client intended to send too large (?:chunked )?body/,
                    qr/client sent invalid chunked body/]);

__DATA__

=== a path that is not there
--- request
GET /api/v1/nothing
--- error_code: 404
--- code: Sandbox.NotFound



=== the base alone
--- request
GET /api/v1/
--- error_code: 404
--- code: Sandbox.NotFound



=== outside of the API
--- request
GET /index.html
--- error_code: 404
--- code: Sandbox.NotFound



=== a path is exact: no trailing slash
--- request
GET /api/v1/templates/
--- error_code: 404
--- code: Sandbox.NotFound



=== nothing after it
--- request
GET /api/v1/templates/python-basic/more
--- error_code: 404
--- code: Sandbox.NotFound



=== letters have their case
--- request
GET /api/v1/Templates
--- error_code: 404
--- code: Sandbox.NotFound



=== an internal path is not there for clients
--- request
POST /internal/sessions/a/start
--- error_code: 404
--- code: Sandbox.NotFound



=== nor below the base
--- request
POST /api/v1/internal/jobs/reconcile
--- error_code: 404
--- code: Sandbox.NotFound



=== the older internal spelling neither
--- request
POST /api/v1/internal/containers/ready
--- error_code: 404
--- code: Sandbox.NotFound



=== nor the location of the database
--- request
GET /_sandbox/database
--- error_code: 404
--- code: Sandbox.NotFound



=== nor that of the executor
--- request
GET /_sandbox/executor
--- error_code: 404
--- code: Sandbox.NotFound



=== nor that of the errors
--- request
GET /_sandbox/error
--- error_code: 404
--- code: Sandbox.NotFound



=== dots are resolved, and lead nowhere
--- raw_request eval
"GET /api/v1/sessions/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n"
. "Connection: close\r\n\r\n"
--- error_code: 404
--- code: Sandbox.NotFound



=== dots that lead above the root
--- raw_request eval
"GET /api/v1/sessions/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n"
. "Connection: close\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== dots inside of the base are resolved
--- raw_request eval
"GET /api/v1/sessions/%2e%2e/templates/python-basic HTTP/1.1\r\nHost: x\r\n"
. "Connection: close\r\n\r\n"
--- response_body_like: "id":"python-basic"



=== nginx resolves escaped dots as well: this is the session "b"
--- request
GET /api/v1/sessions/a%2F..%2Fb
--- error_code: 404
--- code: Sandbox.SessionNotFound
--- detail_like: "b"



=== an escaped slash is a slash
--- request
GET /api/v1/sessions/a%2Fb
--- error_code: 404
--- code: Sandbox.NotFound



=== an id of dots
--- request
GET /api/v1/sessions/a..b
--- error_code: 404
--- code: Sandbox.SessionNotFound



=== an id with a quote and a percent
--- request
GET /api/v1/sessions/a'b%25s%22
--- error_code: 404
--- code: Sandbox.SessionNotFound



=== an id that is not UTF-8
--- request
GET /api/v1/sessions/%ff%fe
--- error_code: 404
--- code: Sandbox.SessionNotFound



=== an id of 65 bytes
--- request eval
'GET /api/v1/executions/' . 'a' x 65
--- error_code: 404
--- code: Sandbox.ExecutionNotFound



=== an id of 300 bytes
--- request eval
'GET /api/v1/executions/' . 'a' x 300
--- error_code: 404
--- code: Sandbox.NotFound



=== a NUL in the path
--- request
GET /api/v1/sessions/a%00b
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== 405 on a collection
--- request
PATCH /api/v1/sessions
--- error_code: 405
--- response_headers
Allow: GET, HEAD, POST
--- code: Sandbox.MethodNotAllowed



=== 405 on a session
--- request
PUT /api/v1/sessions/a
--- error_code: 405
--- response_headers
Allow: GET, HEAD, DELETE
--- code: Sandbox.MethodNotAllowed



=== 405 on a template
--- request
POST /api/v1/templates/a
{}
--- error_code: 405
--- response_headers
Allow: GET, HEAD, PUT, DELETE
--- code: Sandbox.MethodNotAllowed



=== 405 on what only takes POST
--- request
GET /api/v1/sessions/a/execute-sync
--- error_code: 405
--- response_headers
Allow: POST
--- code: Sandbox.MethodNotAllowed



=== 405 on OPTIONS
--- request
OPTIONS /api/v1/templates
--- error_code: 405
--- response_headers
Allow: GET, HEAD, POST
--- code: Sandbox.MethodNotAllowed



=== 405 on a method nobody knows
--- request
BREW /api/v1/health
--- error_code: 405
--- response_headers
Allow: GET, HEAD
--- code: Sandbox.MethodNotAllowed



=== TRACE, which nginx refuses itself
--- request
TRACE /api/v1/health
--- error_code: 405
--- code: Sandbox.MethodNotAllowed



=== 405 on /livez
--- request
DELETE /livez
--- error_code: 405
--- response_headers
Allow: GET, HEAD
--- code: Sandbox.MethodNotAllowed



=== HEAD of a list
--- request
HEAD /api/v1/sessions
--- response_headers_like
Content-Length: [1-9]\d*
--- response_body



=== HEAD of what is not there
--- request
HEAD /api/v1/sessions/none
--- error_code: 404
--- response_body



=== HEAD of a POST
--- request
HEAD /api/v1/sessions/none/execute
--- error_code: 405
--- response_headers
Allow: POST
--- response_body



=== 406
--- request
GET /api/v1/templates
--- more_headers
Accept: text/html
--- error_code: 406
--- code: Sandbox.NotAcceptable



=== Accept of a browser
--- request
GET /api/v1/templates
--- more_headers
Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8
--- response_body_like: python-basic



=== Accept of all of application
--- request
GET /api/v1/templates
--- more_headers
Accept: Application/*
--- response_body_like: python-basic



=== 415: a form
--- request
POST /api/v1/sessions
template_id=python-basic
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 415
--- code: Sandbox.UnsupportedMediaType
--- detail_like: Content-Type



=== 415: what only begins like it
--- request
PUT /api/v1/templates/python-basic
{}
--- more_headers
Content-Type: application/jsonp
--- error_code: 415
--- code: Sandbox.UnsupportedMediaType



=== 415: an empty type
--- request
POST /api/v1/templates
{}
--- more_headers
Content-Type: ;
--- error_code: 415
--- code: Sandbox.UnsupportedMediaType



=== a type with a charset, in any case
--- request
POST /api/v1/sessions
{}
--- more_headers
Content-Type: Application/JSON; charset=utf-8
--- error_code: 400
--- code: Sandbox.InvalidParameter
--- detail_names: template_id



=== no type is as good
--- request
POST /api/v1/sessions
{}
--- error_code: 400
--- code: Sandbox.InvalidParameter
--- detail_names: template_id



=== 413 by Content-Length: refused before it is sent
--- raw_request eval
"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Content-Length: 99999999\r\n\r\n"
--- error_code: 413
--- code: Sandbox.PayloadTooLarge



=== 413 of a chunked body
--- raw_request eval
"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\n5f5e0ff\r\n{"
--- error_code: 413
--- code: Sandbox.PayloadTooLarge



=== a chunked body that is right
--- raw_request eval
"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
. "1\r\n{\r\n10;ext=1\r\n\"template_id\":\"n\r\n4\r\none\"\r\n1\r\n}\r\n"
. "0\r\nTrailer: x\r\n\r\n"
--- error_code: 400
--- code: Sandbox.TemplateNotFound
--- detail_like: template_id.*none



=== a chunk that is wrong
--- raw_request eval
"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== both lengths: the way of request smuggling
--- raw_request eval
"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== an unknown transfer coding
--- raw_request eval
"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: gzip\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== a length that is none
--- raw_request eval
"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Content-Length: -1\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== 414: a URI of 10 000 bytes
--- request eval
'GET /api/v1/sessions?template_id=' . 'a' x 10_000
--- error_code: 414
--- code: Sandbox.URITooLong



=== 414: a path of 10 000 bytes
--- request eval
'GET /api/v1/sessions/' . 'a' x 10_000
--- error_code: 414
--- code: Sandbox.URITooLong



=== 414: of escapes, with a body behind
--- request eval
'POST /api/v1/sessions/' . '%2e%2e/' x 1500 . "/execute\n{}"
--- error_code: 414
--- code: Sandbox.URITooLong



=== header fields that do not fit
--- request
GET /api/v1/sessions
--- more_headers eval
'X-Long: ' . 'a' x 10_000
--- error_code: 431
--- code: Sandbox.HeadersTooLarge



=== no Host
--- raw_request eval
"GET /api/v1/templates HTTP/1.1\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== a Host that is none
--- raw_request eval
"GET /api/v1/templates HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== a request line that is none
--- raw_request eval
"GET\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== an unknown version of HTTP
--- raw_request eval
"GET /api/v1/templates HTTP/9.1\r\nHost: x\r\n\r\n"
--- error_code: 400
--- code: Sandbox.InvalidParameter



=== HTTP/1.0
--- raw_request eval
"GET /api/v1/health HTTP/1.0\r\n\r\n"
--- response_body_like: "status":"healthy"



=== a client's request id is kept
--- request
GET /api/v1/templates
--- more_headers
X-Request-ID: my.own_id-1
--- response_headers
X-Request-ID: my.own_id-1
--- response_body_like: python-basic



=== also in an error
--- request
GET /api/v1/sessions/none
--- more_headers
x-request-id: my.own_id-2
--- error_code: 404
--- response_headers
X-Request-ID: my.own_id-2
--- code: Sandbox.SessionNotFound
--- response_body_like: "request_id":"my.own_id-2"



=== also in an error of nginx's own
--- request
GET /nowhere
--- more_headers
X-Request-ID: my.own_id-3
--- error_code: 404
--- response_headers
X-Request-ID: my.own_id-3
--- code: Sandbox.NotFound
--- response_body_like: "request_id":"my.own_id-3"



=== one of 128 bytes is kept
--- request
GET /api/v1/templates
--- more_headers eval
'X-Request-ID: ' . 'a' x 128
--- response_headers eval
'X-Request-ID: ' . 'a' x 128
--- response_body_like: python-basic



=== one of 129 is replaced
--- request
GET /api/v1/templates
--- more_headers eval
'X-Request-ID: ' . 'a' x 129
--- response_headers_like
X-Request-ID: [0-9a-f]{32}
--- response_body_like: python-basic



=== one with a space is replaced
--- request
GET /api/v1/sessions/none
--- more_headers
X-Request-ID: a b
--- response_headers_like
X-Request-ID: [0-9a-f]{32}
--- error_code: 404
--- code: Sandbox.SessionNotFound
--- response_body_like: "request_id":"[0-9a-f]{32}"



=== one with markup is replaced
--- request
GET /api/v1/sessions/none
--- more_headers
X-Request-ID: <script>"
--- response_headers_like
X-Request-ID: [0-9a-f]{32}
--- error_code: 404
--- code: Sandbox.SessionNotFound



=== an empty one is replaced
--- request
GET /api/v1/templates
--- more_headers
X-Request-ID:
--- response_headers_like
X-Request-ID: [0-9a-f]{32}
--- response_body_like: python-basic



=== a path that takes no query parameters
--- request
GET /api/v1/templates?limit=1
--- error_code: 400
--- code: Sandbox.InvalidParameter
--- detail_like: query



=== nor this one
--- request
DELETE /api/v1/sessions/none?force=1
--- error_code: 400
--- code: Sandbox.InvalidParameter
--- detail_like: query



=== the body of a refused request is not the next request
--- pipelined_requests eval
["POST /api/v1/nothing\nGET /api/v1/templates HTTP/1.1\r\n\r\n",
 "POST /nowhere\nGET /api/v1/templates HTTP/1.1\r\n\r\n",
 "POST /api/v1/closed\nGET /api/v1/templates HTTP/1.1\r\n\r\n",
 "POST /api/v1/sessions\n{}", "GET /api/v1/health"]
--- error_code eval
[404, 404, 401, 400, 200]
--- plain
--- response_body_like eval
['Sandbox.NotFound', 'Sandbox.NotFound', 'Sandbox.Unauthorized',
 'template_id', '"status":"healthy"']



=== what another module of nginx refuses has the API's shape as well
--- request
GET /api/v1/closed
--- error_code: 401
--- code: Sandbox.Unauthorized
--- response_headers
WWW-Authenticate: Basic realm="closed"
