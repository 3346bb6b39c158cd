//! A connection that has died while nothing was asked of it is noticed before a request is sent into it. Over HTTP/2 the
//! client pings, which tests/http2.rs shows; over HTTP/1.1 the system's TCP probes do it.

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_system_probes_an_idle_connection() {
    let (listener, base_url) = crate::support::listen().await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(crate::support::discard_uploads(listener, tokio::sync::mpsc::unbounded_channel().0));
    let canva = canva_connect::Client::builder().token("t").base_url(base_url).build().unwrap();
    canva.update_asset("a").name("n").await.unwrap();
    // Its timer is the one of keep-alive once nothing is on its way.
    let probed = async {
        loop {
            let connections = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
            let ours =
                |line: &&str| line.split_whitespace().nth(2).is_some_and(|to| to.ends_with(&format!(":{port:04X}")));
            let timer = connections.lines().find(ours).and_then(|line| line.split_whitespace().nth(5)).unwrap();
            let (kind, hundredths) = timer.split_once(':').unwrap();
            if kind == "02" {
                return u64::from_str_radix(hundredths, 16).unwrap() / 100;
            }
            tokio::task::yield_now().await;
        }
    };
    let seconds = tokio::time::timeout(std::time::Duration::from_secs(10), probed).await.expect("it isn't probed");
    assert!(seconds <= 20, "after {seconds} s");
}
