use super::*;

fn complaints(text: &str) -> Vec<(u64, String)> {
    read(text.as_bytes()).unwrap_err().into_iter().map(|complaint| (complaint.line, complaint.why)).collect()
}

#[test]
fn several_lines_of_an_address_are_one_account_with_several_wallets() {
    let text = "email,password,name,currency,balance_minor\n\
                Ann@Example.com,correct horse,Ann,EUR,1000\n\
                bob@example.com,battery staple,,,\n\
                ann@example.com,,,USD,0\n";
    let lines = read(text.as_bytes()).unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (lines[0].number, lines[0].email.as_str(), lines[0].name.as_deref()),
        (2, "ann@example.com", Some("Ann"))
    );
    let amounts: Vec<_> = lines[0].balances.iter().map(|money| (money.amount_minor, money.currency.as_str())).collect();
    assert_eq!(amounts, [(1000, "EUR"), (0, "USD")]);
    assert_eq!(lines[1].secret, Secret::Password(Password("battery staple".to_owned())));
}

#[test]
fn columns_come_in_any_order_and_only_the_address_and_a_password_must_be_there() {
    let lines = read("password, email\n\"with, comma\",ann@example.com\n".as_bytes()).unwrap();
    assert_eq!(lines[0].secret, Secret::Password(Password("with, comma".to_owned())));
    assert!(read("email\n".as_bytes()).unwrap().is_empty());
}

#[test]
fn every_wrong_line_is_named_by_number_and_no_password_is_quoted() {
    let text = "email,password,name,currency,balance_minor\n\
                nobody,secret-secret,,,\n\
                a@example.com,secret,,,\n\
                b@example.com,secret-secret,,EUR,\n\
                c@example.com,secret-secret,,eur,5\n\
                d@example.com,secret-secret,,EUR,-5\n\
                e@example.com,secret-secret,,EUR,5.00\n\
                f@example.com,secret-secret,Ann,EUR,5\n\
                f@example.com,secret-other,,USD,5\n\
                f@example.com,,Bob,GBP,5\n\
                f@example.com,,,EUR,5\n\
                g@example.com,secret-secret\n\
                h@example.com,,,EUR,5\n\
                i@example.com,secret-secret,,EUR,9223372036854775807\n";
    let found = complaints(text);
    let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14]);
    assert!(found.iter().all(|(_, why)| !why.contains("secret")), "{found:?}");
    assert!(found[6].1.contains("line 8"), "{found:?}");
}

#[test]
fn an_account_needs_a_password_of_one_kind() {
    let hash = crate::accounts::password::hash(b"correct horse").unwrap();
    let both = format!("email,password,password_hash\na@example.com,correct horse,\"{hash}\"\n");
    assert_eq!(complaints(&both), [(2, "both password and password_hash".to_owned())]);
    let none = "email,password\na@example.com,\n";
    assert_eq!(complaints(none), [(2, "neither password nor password_hash".to_owned())]);
    let given = format!("email,password_hash\na@example.com,\"{hash}\"\n");
    assert_eq!(read(given.as_bytes()).unwrap()[0].secret, Secret::Hash(hash));
    let bad = complaints("email,password_hash\na@example.com,hunter22\n");
    assert!(bad[0].1.contains("PHC") && !bad[0].1.contains("hunter22"), "{bad:?}");
}

#[test]
fn a_strange_column_and_what_is_no_text_are_told() {
    assert!(complaints("email,pasword\n")[0].1.contains("pasword"));
    assert!(complaints("name\nAnn\n")[0].1.contains("email"));
    let binary = read(&b"email,password\na@example.com,\xff\xfe\xff\xff\xff\xff\xff\xff\n"[..]).unwrap_err();
    assert_eq!((binary[0].line, binary[0].why.as_str()), (2, "not UTF-8 text"));
}
