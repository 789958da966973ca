"""The peers: configuration, tuned with care, of servers that belong to this
run alone. Access logs are off, keep-alive has no limit, nothing is synced
that the peer does not sync by itself."""

import base64
import hashlib
import os
import shutil
import subprocess

from certificate import Certificate
from process import Failure, Process, free_port
from view import View

PASSWORD = "correct horse"

NGINX = """
daemon off;
{user}
pid {dir}/nginx.pid;
error_log {dir}/error.log error;
worker_processes 2;
worker_rlimit_nofile 65536;
load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
events {{ worker_connections 8192; }}
http {{
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	access_log off;
	sendfile on;
	tcp_nodelay on;
	keepalive_requests 1000000000;
	keepalive_timeout 3600s;
	client_max_body_size 0;
	client_body_buffer_size 256k;
	client_body_temp_path {dir}/tmp/body;
	proxy_temp_path {dir}/tmp/proxy;
	fastcgi_temp_path {dir}/tmp/fastcgi;
	uwsgi_temp_path {dir}/tmp/uwsgi;
	scgi_temp_path {dir}/tmp/scgi;
	dav_ext_lock_zone zone=locks:32m;
	server {{
		listen 127.0.0.1:{port} reuseport backlog=4096;
		root {root};
		listen 127.0.0.1:{port_tls} ssl reuseport backlog=4096;
		ssl_certificate {tls}/cert.pem;
		ssl_certificate_key {tls}/key.pem;
		ssl_protocols TLSv1.3;
		location / {{
			dav_methods PUT DELETE MKCOL COPY MOVE;
			dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
			dav_ext_lock zone=locks;
			dav_access user:rw group:r all:r;
		}}
	}}
	server {{
		listen 127.0.0.1:{port_password} reuseport backlog=4096;
		root {root};
		auth_basic bench;
		auth_basic_user_file {dir}/htpasswd;
	}}
}}
"""

APACHE = """
ServerRoot /usr/lib/apache2
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{port_tls}
Listen 127.0.0.1:{port_password}
ListenBacklog 4096
PidFile {dir}/apache.pid
DefaultRuntimeDir {dir}/tmp
Mutex file:{dir}/tmp default
ErrorLog {dir}/error.log
LogLevel error
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule mime_module modules/mod_mime.so
LoadModule dav_module modules/mod_dav.so
LoadModule dav_fs_module modules/mod_dav_fs.so
LoadModule ssl_module modules/mod_ssl.so
LoadModule socache_shmcb_module modules/mod_socache_shmcb.so
LoadModule auth_basic_module modules/mod_auth_basic.so
LoadModule authn_core_module modules/mod_authn_core.so
LoadModule authn_file_module modules/mod_authn_file.so
LoadModule authz_user_module modules/mod_authz_user.so
{user}
StartServers 8
ServerLimit 16
ThreadLimit 64
ThreadsPerChild 64
MinSpareThreads 256
MaxSpareThreads 1024
MaxRequestWorkers 1024
MaxConnectionsPerChild 0
AsyncRequestWorkerFactor 64
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 3600
Timeout 600
EnableSendfile On
EnableMMAP On
HostnameLookups Off
TypesConfig /etc/mime.types
DocumentRoot {root}
DAVLockDB {dir}/locks/db
<Directory {root}>
	AllowOverride None
	Options None
	Require all granted
	Dav On
</Directory>
SSLSessionCache none
<VirtualHost 127.0.0.1:{port_tls}>
	SSLEngine on
	SSLProtocol TLSv1.3
	SSLCertificateFile {tls}/cert.pem
	SSLCertificateKeyFile {tls}/key.pem
</VirtualHost>
<VirtualHost 127.0.0.1:{port_password}>
	<Location />
		AuthType Basic
		AuthName bench
		AuthUserFile {dir}/htpasswd
		Require valid-user
	</Location>
</VirtualHost>
"""

LIGHTTPD = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{dir}/error.log"
server.pid-file = "{dir}/lighttpd.pid"
server.upload-dirs = ( "{dir}/tmp" )
server.modules = ( "mod_auth", "mod_authn_file", "mod_openssl", "mod_webdav" )
server.event-handler = "linux-sysepoll"
server.max-fds = 16384
server.max-connections = 8192
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 3600
server.max-read-idle = 600
server.max-write-idle = 600
mimetype.assign = ( ".txt" => "text/plain", "" => "application/octet-stream" )
webdav.activate = "enable"
webdav.is-readonly = "disable"
webdav.sqlite-db-name = "{dir}/locks/webdav.db"
ssl.pemfile = "{tls}/cert.pem"
ssl.privkey = "{tls}/key.pem"
ssl.openssl.ssl-conf-cmd = ( "MinProtocol" => "TLSv1.3" )
$SERVER["socket"] == "127.0.0.1:{port_tls}" {{ ssl.engine = "enable" }}
auth.backend = "htpasswd"
auth.backend.htpasswd.userfile = "{dir}/htpasswd"
$SERVER["socket"] == "127.0.0.1:{port_password}" {{
	auth.require = ( "/" => ( "method" => "basic", "realm" => "bench",
	    "require" => "valid-user" ) )
}}
"""


class Peer:
    """One peer in a folder of its own."""

    auth = None
    base = "/"
    tls = None

    def __init__(self, name, folder):
        self.name = name
        self.dir = os.path.join(folder, name)
        self.root = os.path.join(self.dir, "root")
        os.makedirs(self.dir)
        self.spread(self.dir)
        for sub in ("root", "tmp", "locks"):
            os.makedirs(os.path.join(self.dir, sub))
        self.port, self.port_tls = free_port(), free_port()
        self.port_password = free_port()
        self.certificate = Certificate(folder)
        self.htpasswd()
        self.spread(self.root)
        self.process = Process(self.command(), self.dir, self.environment())
        try:
            self.process.wait_for_port(self.port)
        except Failure as error:
            self.process.stop()
            raise Failure(f"{name} {error}") from error

    @staticmethod
    def spread(folder):
        """Folders in it go to block groups of their own: the trees of one
        sample do not slow the next one (ext4), and the temporary files of all
        peers begin alike, wherever the scratch folder is."""
        if shutil.which("chattr"):
            subprocess.run(["chattr", "+T", folder], check=False,
                           capture_output=True)

    def htpasswd(self):
        """One line, the cheapest scheme that all of them know."""
        digest = hashlib.sha1(PASSWORD.encode()).digest()
        with open(os.path.join(self.dir, "htpasswd"), "w",
                  encoding="ascii") as file:
            file.write("bench:{SHA}" + base64.b64encode(digest).decode()
                       + "\n")

    def view(self, kind):
        """The same files asked for in another way: over TLS, or by one who
        signs in with a password."""
        if kind == "tls":
            return View(self, self.port_tls, self.auth,
                        self.certificate.authority)
        if kind == "password":
            auth = base64.b64encode(f"bench:{PASSWORD}".encode()).decode()
            return View(self, self.port_password, auth)
        return self

    def environment(self):
        return None

    def write(self, name, text, **more):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text.format(dir=self.dir, root=self.root,
                                   port=self.port, port_tls=self.port_tls,
                                   port_password=self.port_password,
                                   tls=self.certificate.folder, **more))
        return path

    def command(self):
        raise NotImplementedError

    def quiet_check(self):
        """Its log is switched off above."""

    def batches(self):
        """Only celldav groups commits."""
        return None

    def stop(self):
        self.process.stop()


class Nginx(Peer):
    def command(self):
        user = "user root;" if os.geteuid() == 0 else ""
        conf = self.write("nginx.conf", NGINX, user=user)
        return ["/usr/sbin/nginx", "-e", os.path.join(self.dir, "error.log"),
                "-c", conf]


class Apache(Peer):
    def command(self):
        """Apache refuses to serve as root; its folders go to its user."""
        user = ""
        if os.geteuid() == 0:
            user = "User www-data\nGroup www-data"
            for folder in (self.root, self.dir + "/tmp", self.dir + "/locks"):
                shutil.chown(folder, "www-data", "www-data")
        conf = self.write("apache.conf", APACHE, user=user)
        return ["/usr/sbin/apache2", "-D", "FOREGROUND", "-f", conf]


class Lighttpd(Peer):
    def command(self):
        conf = self.write("lighttpd.conf", LIGHTTPD)
        return ["/usr/sbin/lighttpd", "-D", "-f", conf]


class Rclone(Peer):
    def environment(self):
        return dict(os.environ, RCLONE_CONFIG=self.dir + "/rclone.conf",
                    XDG_CACHE_HOME=self.dir + "/tmp")

    def command(self):
        """Without --buffer-size 0 ranges are 80 times slower."""
        self.write("rclone.conf", "")
        return ["/usr/bin/rclone", "serve", "webdav", self.root, "--addr",
                f"127.0.0.1:{self.port}", "--buffer-size", "0",
                "--log-level", "ERROR"]


PEERS = {"nginx": Nginx, "apache": Apache, "lighttpd": Lighttpd,
         "rclone": Rclone}
