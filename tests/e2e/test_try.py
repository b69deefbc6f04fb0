def test_it(sampled):
    g=sampled.gateway
    import time
    t=time.time()
    print("exc", g.exceptions())
    f=g.hand_in_and_wait("SHPCNF.S000417", sampled.content("SHPCNF.S000417"))
    print(time.time()-t, f)
    from tests.e2e.books import assert_ledger_equals
    assert_ledger_equals(g.quickbooks.ledger(), sampled.truth["SHPCNF.S000417"], sampled.world)
    print(g.quickbooks.ledger()[0])
    time.sleep(2)
    print(g.salesforce.records("Invoice__c")[:2]); 
    print([ (o["ERP_Order_Id__c"],o["Gateway_Status__c"],o["Gateway_Message__c"],o["Invoiced_Amount__c"],o["Open_Amount__c"]) for o in g.salesforce.records("Order")])
    print(g.salesforce.records("Order_Event__c")[:2])
    f=g.hand_in_and_wait("SHPCNF.S000418", sampled.content("SHPCNF.S000418"))
    time.sleep(2)
    for e in g.exceptions(): print(e["record_key"],e["kind"],e["cause"],e["choices"],e["money_at_stake"],e["sentence"])
    import pathlib
    for p in sorted((sampled.folder/"damaged").iterdir()):
        f=g.hand_in_and_wait(p.name,p.read_bytes()); print(f["filename"],f["state"],f["error"]); 
        for r in g.items(f"/erp/files/{f['file_id']}/rejects"): print("   ",r)
    for e in g.exceptions(): 
        if e["record_type"]=="file": print(e)
