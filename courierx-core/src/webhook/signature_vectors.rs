type Vector = (SignatureScheme, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Scheme, secrets, headers.
const VECTORS: &[Vector] = &[
    (SignatureScheme::CourierX, &[SECRET], &[
        ("x-courierx-signature", "sha256=2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964"),
        ("x-courierx-timestamp", "1614265330"),
    ]),
    (SignatureScheme::CourierX, &[SECRET, OTHER], &[
        ("x-courierx-signature", "sha256=2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964,sha256=8dbc842b6599c1be049900723cebba01cdec937f060d8d59fd18e8efade1dbb7"),
        ("x-courierx-timestamp", "1614265330"),
    ]),
    (SignatureScheme::Timestamped, &[SECRET, OTHER], &[
        ("x-courierx-signature", "t=1614265330,v1=2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964,v1=8dbc842b6599c1be049900723cebba01cdec937f060d8d59fd18e8efade1dbb7"),
    ]),
    (SignatureScheme::Plain, &[SECRET], &[
        ("x-courierx-signature", "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c"),
    ]),
    (SignatureScheme::Standard, &[SECRET, OTHER], &[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI="),
    ]),
    (SignatureScheme::Svix, &[SECRET], &[
        ("svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("svix-timestamp", "1614265330"),
        ("svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]),
];
