//! The examples, run as they stand.

macro_rules! examples {
    ($($name:ident: $path:literal,)*) => {
        $(
            #[path = $path]
            mod $name;
        )*

        $(
            #[test]
            fn $name() {
                $name::main().unwrap();
            }
        )*

        /// Every file in `examples/` is one of these.
        #[test]
        fn all_examples_are_run() {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
            let entries = std::fs::read_dir(folder).unwrap().flatten();
            let mut there: Vec<String> =
                entries.map(|entry| entry.path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
            there.sort();
            assert_eq!(there, [$(stringify!($name)),*]);
        }
    };
}

examples! {
    couplings_of_npy: "../../examples/couplings_of_npy.rs",
    custom_metric: "../../examples/custom_metric.rs",
    resume: "../../examples/resume.rs",
    train_array: "../../examples/train_array.rs",
}
