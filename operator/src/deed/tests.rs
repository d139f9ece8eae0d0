use protocol::deed::{Ended, EndedItem};
use protocol::{Sku, Units};

use super::*;

fn id(text: &str) -> SaleId {
    SaleId::parse(text).unwrap()
}

fn candidate<'a>(uid: &'a str, own: &'a SaleId) -> Candidate<'a> {
    Candidate { uid, own, noted: None, adopt: None, start_over: None }
}

fn ended(certain: bool, held: u32, sold: u32) -> Ended {
    let item = EndedItem {
        sku: Sku::parse("A").unwrap(),
        quantity: Units(10),
        withheld: Units(0),
        free: Units(10 - held - sold),
        held: Units(held),
        sold: Units(sold),
        shortfall: Units(0),
    };
    Ended { at: "2027-03-14T12:00:00Z".parse().unwrap(), certain, items: vec![item] }
}

/// What the first resource of the name left behind.
fn first(ended: Option<Ended>) -> Deed {
    Deed { owner: "1".to_owned(), sale: id("aurora-11111111"), uid: "1".to_owned(), base: Generation(0), ended }
}

fn why(tenure: Tenure) -> String {
    match tenure {
        Tenure::Refused(refused) => refused.why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_resource_of_a_name_takes_its_deed_and_keeps_it() {
    let own = id("aurora-11111111");
    let resource = candidate("1", &own);
    assert_eq!(tenure(&resource, None), Tenure::Take(first(None)));
    assert_eq!(tenure(&resource, Some(&first(None))), Tenure::Ours(first(None)));
}

#[test]
fn another_resource_is_refused_until_somebody_says_which_sale_it_is_about() {
    let own = id("aurora-22222222");
    let resource = candidate("2", &own);
    let sold = first(Some(ended(true, 0, 3)));
    assert!(why(tenure(&resource, Some(&sold))).contains("sluice.dev/start-over=aurora-11111111"));
    assert!(why(tenure(&resource, Some(&first(None)))).contains("sluice.dev/adopt=aurora-11111111"));
    for other in ["aurora-22222222", "true", "aurora", ""] {
        let resource = Candidate { adopt: Some(other), start_over: Some(other), ..resource.clone() };
        for deed in [first(None), sold.clone()] {
            assert!(matches!(tenure(&resource, Some(&deed)), Tenure::Refused(_)), "{other:?}");
        }
    }
}

#[test]
fn who_starts_over_gets_a_sale_of_its_own_and_only_where_the_old_stock_is_gone() {
    let own = id("aurora-22222222");
    let resource = Candidate { start_over: Some("aurora-11111111"), ..candidate("2", &own) };
    let new = candidate("2", &own).first();
    assert_eq!(tenure(&resource, Some(&first(Some(ended(true, 0, 3))))), Tenure::Take(new.clone()));
    assert_eq!(tenure(&resource, Some(&first(Some(ended(false, 0, 0))))), Tenure::Take(new.clone()));
    assert!(why(tenure(&resource, Some(&first(None)))).contains("still has its stock"));
    // The annotation is used up by what it did.
    assert_eq!(tenure(&resource, Some(&new)), Tenure::Ours(new.clone()));
    let sold_again = Deed { ended: Some(ended(true, 0, 1)), ..new };
    let third = id("aurora-33333333");
    let third = Candidate { start_over: Some("aurora-11111111"), ..candidate("3", &third) };
    assert!(why(tenure(&third, Some(&sold_again))).contains("start-over=aurora-22222222"));
}

#[test]
fn who_adopts_goes_on_under_the_old_id() {
    let own = id("aurora-22222222");
    let resource = Candidate { adopt: Some("aurora-11111111"), ..candidate("2", &own) };
    for end in [None, Some(ended(true, 0, 3))] {
        let adopted = Deed { owner: "2".to_owned(), ..first(end.clone()) };
        assert_eq!(tenure(&resource, Some(&first(end.clone()))), Tenure::Take(adopted.clone()));
        let expected = if end.is_none() { Tenure::Ours(adopted.clone()) } else { Tenure::Over(adopted.clone()) };
        assert_eq!(tenure(&resource, Some(&adopted)), expected);
        // The resource that had it before has it no more.
        let first_own = id("aurora-11111111");
        assert!(matches!(tenure(&candidate("1", &first_own), Some(&adopted)), Tenure::Refused(_)));
    }
    // Having seen what became of the old sale, one may still start over.
    let adopted = Deed { owner: "2".to_owned(), ..first(Some(ended(true, 0, 3))) };
    let resource = Candidate { start_over: Some("aurora-11111111"), ..resource };
    assert_eq!(tenure(&resource, Some(&adopted)), Tenure::Take(candidate("2", &own).first()));
}

#[test]
fn a_name_under_which_nobody_bought_anything_is_free_only_if_that_is_certain() {
    let own = id("aurora-22222222");
    let resource = candidate("2", &own);
    assert_eq!(tenure(&resource, Some(&first(Some(ended(true, 0, 0))))), Tenure::Take(resource.first()));
    for end in [ended(false, 0, 0), ended(true, 1, 0), ended(true, 0, 1)] {
        assert!(matches!(tenure(&resource, Some(&first(Some(end)))), Tenure::Refused(_)));
    }
}

#[test]
fn a_resource_that_comes_back_under_its_own_uid_after_its_deletion_sells_nothing() {
    let own = id("aurora-11111111");
    for end in [ended(true, 0, 3), ended(true, 0, 0), ended(false, 0, 0)] {
        let deed = first(Some(end));
        let resource = Candidate { start_over: Some("aurora-11111111"), ..candidate("1", &own) };
        assert_eq!(tenure(&resource, Some(&deed)), Tenure::Over(deed));
    }
}

#[test]
fn a_status_that_remembers_another_sale_sells_nothing_where_that_sale_is_unknown() {
    let own = id("aurora-22222222");
    let resource = Candidate { noted: Some("aurora-11111111"), ..candidate("2", &own) };
    assert!(why(tenure(&resource, None)).contains("start-over=aurora-11111111"));
    let resource = Candidate { start_over: Some("aurora-11111111"), ..resource };
    assert_eq!(tenure(&resource, None), Tenure::Take(resource.first()));
}
