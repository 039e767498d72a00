//! A certificate for localhost, that the tests' servers show and the tests trust.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::{self, Package};
use super::{make_dir, write};
use crate::shell::{self, Result, find_program};

/// Not an authority: TLS clients refuse one as a server's own certificate.
const CONFIG: &str = "\
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1
";

const DAYS: &str = "90";
const ONE_DAY_IN_SECONDS: &str = "86400";

/// Returns a directory with `cert.pem` and `key.pem`.
pub(super) fn prepare(dir: &Path) -> Result<PathBuf> {
    let dir = dir.join("tls");
    let (config, key, certificate) = (dir.join("openssl.cnf"), dir.join("key.pem"), dir.join("cert.pem"));
    if find_program("openssl", &[]).is_none() {
        packages::install(Package::same("openssl"))?;
    }
    let current = Command::new("openssl")
        .args(["x509", "-noout", "-checkend", ONE_DAY_IN_SECONDS, "-in"])
        .arg(&certificate)
        .output()
        .is_ok_and(|output| output.status.success());
    if !(current && key.is_file()) {
        make_dir(&dir)?;
        write(&config, CONFIG, 0o644)?;
        let mut request = Command::new("openssl");
        request.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        request
            .args(["-days", DAYS, "-config"])
            .arg(&config)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        shell::output(&mut request)?;
    }
    Ok(dir)
}
