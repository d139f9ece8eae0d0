use super::*;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

#[test]
fn the_pause_doubles_up_to_the_bound() {
    let longest: Vec<u128> = (1..=8).map(|failures| BACKOFF.pause(failures, u32::MAX).as_millis()).collect();
    assert_eq!(longest, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
}

#[test]
fn chance_takes_at_most_half_of_the_pause() {
    for failures in 0..=64 {
        let longest = BACKOFF.pause(failures, u32::MAX);
        for random in [0, 1, u32::MAX / 2, u32::MAX - 1] {
            let pause = BACKOFF.pause(failures, random);
            assert!(pause >= longest / 2 && pause <= longest, "{failures} failures, {random}: {pause:?}");
        }
        let drawn = BACKOFF.random_pause(failures);
        assert!(drawn >= longest / 2 && drawn <= longest);
    }
}

#[test]
fn any_number_of_failures_has_a_pause() {
    assert_eq!(BACKOFF.pause(u32::MAX, u32::MAX), Duration::from_secs(5));
    let endless = Backoff::new(Duration::MAX, Duration::MAX);
    assert!(endless.pause(u32::MAX, 0) >= Duration::MAX / 2 - Duration::from_secs(1));
}

#[test]
fn the_same_number_gives_the_same_pause() {
    assert_eq!(BACKOFF.pause(3, 7), BACKOFF.pause(3, 7));
}
