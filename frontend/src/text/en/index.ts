import account from "./account.json";
import common from "./common.json";
import merchant from "./merchant.json";
import order from "./order.json";
import sale from "./sale.json";

export default { account, common, merchant, order, sale };
