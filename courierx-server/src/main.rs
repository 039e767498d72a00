//! The binary `courierx`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use courierx_core::store::Store;
use courierx_server::App;
use courierx_server::config::Settings;
use courierx_server::secret::Secret;
use courierx_server::server::Server;
use courierx_store::SqliteStore;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::in_directory(PathBuf::from("courierx-data"));
    std::fs::create_dir_all(&settings.data_dir).unwrap();
    let store = SqliteStore::open(settings.data_dir.join("courierx.db")).await.unwrap();
    let vault = store.vault().unwrap();
    let app = App::new(settings, Arc::new(store), vault, &Secret::new("secret")).unwrap();
    let server = Server::start(app).await.unwrap();
    tokio::signal::ctrl_c().await.unwrap();
    server.stop().await;
    ExitCode::SUCCESS
}
