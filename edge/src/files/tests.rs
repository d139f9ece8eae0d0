use rustix::process::{Resource, getrlimit};

use super::{BESIDES, room, room_for};

#[test]
fn there_is_room_for_what_is_asked_where_the_system_has_it_and_for_one_always() {
    assert_eq!(room(40_000, Some(1_048_576)), 40_000);
    assert_eq!(room(40_000, None), 40_000);
    assert_eq!(u64::from(room(40_000, Some(1_024))), 1_024 - BESIDES);
    assert_eq!(room(40_000, Some(100)), 1);
}

#[test]
fn the_system_is_asked_for_more_than_a_program_begins_with() {
    let maximum = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let wanted = u32::try_from(maximum.saturating_sub(BESIDES).min(3_000)).unwrap();
    assert_eq!(room_for(wanted), wanted);
    assert!(getrlimit(Resource::Nofile).current.is_none_or(|current| current >= u64::from(wanted) + BESIDES));
}
